//! The methods of the protocol, each with the role that it needs.

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
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::errors::invalid;
use super::session::Session;
use crate::authority::Action;
use crate::domain::decode::decode;

/// The answer to a request.
pub(super) type Reply = Result<Box<RawValue>, RpcError>;

/// Something that callers may ask for.
pub(super) struct Method {
    /// The name of the method.
    pub(super) name: &'static str,
    /// The kind of thing that it does, which takes a role.
    pub(super) action: Action,
    /// Does it. Whoever drops the future gives it up.
    pub(super) handle: for<'a> fn(&'a Session<'a>, Params) -> BoxFuture<'a, Reply>,
}

macro_rules! methods {
    ($($name:expr, $action:ident, $($handler:ident)::+;)+) => {
        &[$(Method {
            name: $name,
            action: Action::$action,
            handle: |session, params| Box::pin($($handler)::+(session, params)),
        }),+]
    };
}

/// Every method but `connect`, which is no caller's yet.
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

/// Finds the method of that name.
///
/// # Errors
/// There is none.
pub(super) fn find(name: &str) -> Result<&'static Method, RpcError> {
    METHODS.iter().find(|method| method.name == name).ok_or_else(|| invalid("unknown method"))
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
        decode(self.raw.get()).map_err(|mistake| invalid(format!("`{}`: {mistake}", self.method)))
    }
}

/// Reads an optional text. An empty one is none: clients begin with `''` where they have nothing yet.
pub(super) fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

fn reply(payload: &impl Serialize) -> Reply {
    Ok(to_raw_value(payload).expect("strings, numbers and raw JSON always serialize"))
}
