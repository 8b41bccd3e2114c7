//! What a client is told that asked for a log: what its calls say, and how they ended; not with what, which their answers say.
#![expect(deprecated, reason = "clients of revisions that have logs still ask for them")]

use std::sync::{Mutex, PoisonError};

use rmcp::model::LoggingMessageNotificationParam;
use rmcp::{Peer, RoleServer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::dispatch::Failure;
use crate::tool::{Entry, Output};
use platools_protocol::LogLevel;

/// A client's log, from some level on. Without a level nothing is written to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log<'a> {
    /// The level that the call itself asks for.
    pub(super) asked: Option<LogLevel>,
    /// The level that the client has set, which it may change while the call runs.
    pub(super) set: &'a Level,
}

/// From which level on a client wants to read its log, if it said so.
#[derive(Debug, Default)]
pub(super) struct Level(Mutex<Option<LogLevel>>);

impl Level {
    pub(super) fn set(&self, level: LogLevel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    fn get(&self) -> Option<LogLevel> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log<'_> {
    /// Says what a call tells its caller.
    pub(super) async fn entry(self, peer: &Peer<RoleServer>, tool: &str, Entry { level, message }: Entry) {
        self.write(peer, level, tool, message.into()).await;
    }

    /// Says how a call ended; `None` is one that did not end in time when it was given up.
    pub(super) async fn ended(
        self,
        peer: &Peer<RoleServer>,
        tool: &str,
        call_id: &str,
        end: Option<&Result<Output, Failure>>,
    ) {
        let (level, data) = ending(tool, call_id, end);
        self.write(peer, level, "platools", data).await;
    }

    async fn write(self, peer: &Peer<RoleServer>, level: LogLevel, logger: &str, data: Value) {
        if self.asked.or_else(|| self.set.get()).is_some_and(|wanted| level >= wanted) {
            let entry = LoggingMessageNotificationParam::new(renamed(level), data).with_logger(logger);
            // Who is gone misses nothing.
            let _ = peer.notify_logging_message(entry).await;
        }
    }
}

/// A level of the protocol's library as ours, or the other way round: both have the names of RFC 5424.
pub(super) fn renamed<T: DeserializeOwned>(level: impl Serialize) -> T {
    serde_json::from_value(json!(level)).expect("both have all of the levels")
}

fn ending(tool: &str, call_id: &str, end: Option<&Result<Output, Failure>>) -> (LogLevel, Value) {
    match end {
        Some(Ok(_)) => (LogLevel::Debug, json!({ "tool": tool, "callId": call_id })),
        Some(Err(failure)) => {
            (LogLevel::Warning, json!({ "tool": tool, "callId": call_id, "code": failure.error.code() }))
        }
        None => (LogLevel::Warning, json!({ "tool": tool, "callId": call_id, "code": "given_up" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::ToolError;

    #[test]
    fn a_failure_is_a_warning_without_its_message() {
        let failure = Failure::hidden(ToolError::new("hunter2").with_code("locked"));
        let (level, data) = ending("t", "local-1", Some(&Err(failure)));
        assert_eq!((level, data), (LogLevel::Warning, json!({ "tool": "t", "callId": "local-1", "code": "locked" })));
        let (level, data) = ending("t", "local-2", Some(&Ok(Output::new(8))));
        assert_eq!((level, data), (LogLevel::Debug, json!({ "tool": "t", "callId": "local-2" })));
    }
}
