//! Parameters of requests that several protocols have: pages of lists, timeouts, members of changes, and errors in queries.

mod cursor;
mod directory;
mod page;
mod query;
mod timeout;

pub(super) use cursor::ListPosition;
pub(super) use directory::{KeyRequest, agent_change, given, policy_of, role_of};
pub(super) use page::{Page, limit_of};
pub(super) use query::{count, query_error};
pub(super) use timeout::timeout_of;

/// The reason why a request is invalid, in words for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit(pub(super) &'static str);
