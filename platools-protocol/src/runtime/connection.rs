//! [`ConnectionChange`]: tells an agent of the state of its own connection, as the data of the event `connection.state`.

use serde::{Deserialize, Serialize};

/// A change of a client's connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionChange {
    /// `connecting`, `connected`, `reconnecting`, `disconnected`, or `failed` after the client has given up.
    pub state: String,
    /// The reason of `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of the retry, counted from 1, while `reconnecting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The delay before that retry, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

impl ConnectionChange {
    /// A change to that state.
    #[must_use]
    pub fn new(state: impl Into<String>) -> Self {
        Self { state: state.into(), reason: None, attempt: None, delay_ms: None }
    }
}
