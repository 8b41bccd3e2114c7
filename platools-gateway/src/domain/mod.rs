//! Plain data for every part of the gateway: ids, scopes, callers, roles and the error type. No type here has a lock or does I/O.

pub mod agent;
pub mod agent_profile;
pub(crate) mod audit;
pub mod call;
pub(crate) mod channel;
pub mod conversation;
pub mod database;
pub(crate) mod decode;
pub(crate) mod digest;
pub(crate) mod directory;
pub mod entity;
pub mod environment;
pub mod error;
pub(crate) mod generation;
pub(crate) mod idempotency;
pub mod identity;
pub mod ids;
pub(crate) mod key;
pub(crate) mod lock;
pub mod message;
pub(crate) mod number;
pub mod origin;
pub mod page;
pub mod project;
pub(crate) mod random;
pub(crate) mod session;
pub(crate) mod shared_text;
mod speaks_for_json;
pub(crate) mod surrogates {
    pub(crate) use platools::tool::well_formed;
}
pub(crate) mod slug;
pub(crate) mod text_rule;
pub(crate) mod token;
pub(crate) mod tool;
pub mod trace;
