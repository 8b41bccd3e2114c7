//! [`CallScope`] and [`ConversationScope`]: the calls and the conversations that a caller may see in lists, as conditions for queries of
//! the database. They follow the same rules as [`authorize`](super::authorize), which decides about one object.

use super::rules::is_admin;
use crate::domain::call::CallScope;
use crate::domain::identity::Caller;

impl CallScope {
    /// The calls of the caller's project that it may see.
    pub(crate) fn of(caller: &Caller) -> Self {
        let environments = caller.environments.clone();
        if is_admin(caller) {
            return Self { environments, ..Self::default() };
        }
        Self { user: caller.user_id.clone(), agent: caller.agent_id.clone(), environments }
    }
}

/// The conversations that a caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConversationScope {
    /// All calls of the project.
    All,
    /// Calls of one user.
    User(String),
    /// None: the caller speaks for no user.
    Nothing,
}

impl ConversationScope {
    /// The conversations of the caller's project that it may see.
    pub(crate) fn of(caller: &Caller) -> Self {
        match &caller.user_id {
            _ if is_admin(caller) => Self::All,
            Some(user) => Self::User(user.clone()),
            None => Self::Nothing,
        }
    }
}
