//! [`METHODS`]: the table of the methods of gateway RPC, each a [`Method`] with the role that it needs. Each group of methods, such as
//! `agents.*`, has a file.

mod agents;
mod chat;
mod entities;
mod keys;
mod logs;
mod sessions;
mod status;
mod tools;

use futures::future::BoxFuture;
use platools_protocol::rpc::{RpcError, method};

use super::errors::invalid;
use super::method_context::MethodContext;
use super::params::{Params, Reply};
use crate::authority::Action;

/// A method of the protocol.
pub(super) struct Method {
    pub(super) name: &'static str,
    /// The kind of thing that it does, which takes a role.
    pub(super) action: Action,
    /// Runs it. A future that is dropped gives it up.
    pub(super) handle: for<'a> fn(&'a MethodContext<'a>, Params) -> BoxFuture<'a, Reply>,
}

macro_rules! methods {
    ($($name:expr, $action:ident, $($handler:ident)::+;)+) => {
        &[$(Method {
            name: $name,
            action: Action::$action,
            handle: |context, params| Box::pin($($handler)::+(context, params)),
        }),+]
    };
}

/// All methods but `connect`, which makes a caller of a connection.
const METHODS: &[Method] = methods! {
    "health", View, status::health;
    "status", View, status::status;
    "agents.list", View, agents::list;
    "tools.list", View, tools::list;
    "sessions.list", View, sessions::list;
    "sessions.preview", View, sessions::preview;
    method::TOOLS_CALL, Call, tools::call;
    method::CHAT_SEND, Chat, chat::send;
    method::CHAT_ABORT, Chat, chat::abort;
    "chat.history", Chat, sessions::history;
    "sessions.delete", Change, sessions::delete;
    "sessions.reset", Change, sessions::reset;
    "agents.create", Administer, agents::create;
    "agents.update", Administer, agents::update;
    "agents.delete", Administer, agents::delete;
    "entities.list", Administer, entities::list;
    "entities.create", Administer, entities::create;
    "entities.rotate", Administer, entities::rotate;
    "entities.delete", Administer, entities::delete;
    "api_keys.list", Administer, keys::list;
    "api_keys.create", Administer, keys::create;
    "api_keys.revoke", Administer, keys::revoke;
    "logs.tail", Administer, logs::tail;
};

/// Finds a method by its name.
///
/// # Errors
/// There is no such method.
pub(super) fn find(name: &str) -> Result<&'static Method, RpcError> {
    METHODS.iter().find(|method| method.name == name).ok_or_else(|| invalid("unknown method"))
}
