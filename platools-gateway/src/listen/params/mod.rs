//! Parameters of requests that several protocols share: pages of lists, timeouts, changes of the directory, and errors in queries.

mod cursor;
mod directory;
mod page;
mod query;
mod timeout;

pub(super) use cursor::ListPosition;
pub(super) use directory::{KeyRequest, agent_change, policy_of, role_of, text_change};
pub(super) use page::{Page, limit_of};
pub(super) use query::{count, query_error};
pub(super) use timeout::timeout_of;

/// The reason why a request is invalid, in words for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidParam(pub(super) &'static str);
