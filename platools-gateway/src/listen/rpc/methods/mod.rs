//! What callers may ask for, and who of them.

mod agents;
mod chat;
mod entities;
mod keys;
mod logs;
mod sessions;
mod status;
mod tools;

use futures::future::BoxFuture;
use platools::wire::rpc::{Request, RpcError, method};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::session::Session;
use crate::core::identity::Role;

/// What a request is answered with.
pub(super) type Reply = Result<Box<RawValue>, RpcError>;

/// Something that callers may ask for.
pub(super) struct Method {
    /// What it is called.
    pub(super) name: &'static str,
    /// The role that it takes at least.
    pub(super) role: Role,
    /// Does it. Whoever drops the future gives it up.
    pub(super) handle: for<'a> fn(&'a Session<'a>, Params) -> BoxFuture<'a, Reply>,
}

macro_rules! methods {
    ($($name:expr, $role:ident, $($handler:ident)::+;)+) => {
        &[$(Method {
            name: $name,
            role: Role::$role,
            handle: |session, params| Box::pin($($handler)::+(session, params)),
        }),+]
    };
}

/// Every method but `connect`, which is no caller's yet.
const METHODS: &[Method] = methods! {
    "health", Viewer, status::health;
    "status", Viewer, status::status;
    "agents.list", Viewer, agents::list;
    "tools.list", Viewer, tools::list;
    "sessions.list", Viewer, sessions::list;
    "sessions.preview", Viewer, sessions::preview;
    method::TOOLS_CALL, Operator, tools::call;
    method::CHAT_SEND, Operator, chat::send;
    method::CHAT_ABORT, Operator, chat::abort;
    "chat.history", Operator, sessions::history;
    "sessions.delete", Operator, sessions::delete;
    "sessions.reset", Operator, sessions::reset;
    "agents.create", Admin, agents::create;
    "agents.update", Admin, agents::update;
    "agents.delete", Admin, agents::delete;
    "entities.list", Admin, entities::list;
    "entities.create", Admin, entities::create;
    "entities.update", Admin, entities::update;
    "entities.rotate", Admin, entities::rotate;
    "entities.delete", Admin, entities::delete;
    "api_keys.list", Admin, keys::list;
    "api_keys.create", Admin, keys::create;
    "api_keys.revoke", Admin, keys::revoke;
    "logs.tail", Admin, logs::tail;
};

/// The method of that name.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// The params of a request, which outlive its frame.
pub(super) struct Params {
    method: &'static str,
    raw: Box<RawValue>,
}

impl Params {
    pub(super) fn new(method: &'static str, raw: &RawValue) -> Self {
        Self { method, raw: raw.to_owned() }
    }

    /// The params as a type; members that it does not know are passed over.
    fn decode<'a, P: Deserialize<'a>>(&'a self) -> Result<P, RpcError> {
        // The protocol's own way, and so its own words where they do not fit.
        Request::new("", self.method, &self.raw).decode()
    }
}

fn reply(payload: &impl Serialize) -> Reply {
    Ok(to_raw_value(payload).expect("strings, numbers and raw JSON always serialize"))
}
