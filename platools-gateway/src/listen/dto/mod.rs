//! JSON that REST and gateway RPC have in common: objects, requests for them, and pages of lists.

mod agent;
mod change;
mod cursor;
mod entity;
mod key;
mod page;
mod query;
mod timeout;
mod tool;

pub(super) use agent::agent_change;
pub(super) use change::given;
pub(super) use cursor::ListPosition;
pub(super) use entity::{Entity, EntityWithSecret, policy_of};
pub(super) use key::{Key, KeyRequest, KeyWithSecret, SpeaksForForm, role_of};
pub(super) use page::{Page, limit_of};
pub(super) use query::{count, query_error};
pub(super) use timeout::timeout_of;
pub(super) use tool::{HealthForm, Tool};

/// The reason why a request is invalid, in words for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit(pub(super) &'static str);
