//! What a client is told that asked for a log: how its calls ended, not with what, which their answers say.
#![expect(deprecated, reason = "clients of revisions that have logs still ask for them")]

use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
use rmcp::{Peer, RoleServer};
use serde_json::{Value, json};

use crate::dispatch::Failure;
use crate::tool::Output;

/// From which level on a client wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(u8);

impl From<LoggingLevel> for Level {
    fn from(level: LoggingLevel) -> Self {
        Self(match level {
            LoggingLevel::Debug => 0,
            LoggingLevel::Info => 1,
            LoggingLevel::Notice => 2,
            LoggingLevel::Warning => 3,
            LoggingLevel::Error => 4,
            LoggingLevel::Critical => 5,
            LoggingLevel::Alert => 6,
            LoggingLevel::Emergency => 7,
        })
    }
}

/// A client's log. Without a level nothing is written to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log(pub(super) Option<Level>);

impl Log {
    /// Says how a call ended; `None` is one that did not end in time when it was given up.
    pub(super) async fn ended(
        self,
        peer: &Peer<RoleServer>,
        tool: &str,
        call_id: &str,
        end: Option<&Result<Output, Failure>>,
    ) {
        let (level, data) = entry(tool, call_id, end);
        if self.0.is_some_and(|wanted| Level::from(level) >= wanted) {
            let entry = LoggingMessageNotificationParam::new(level, data).with_logger("platools");
            // Who is gone misses nothing.
            let _ = peer.notify_logging_message(entry).await;
        }
    }
}

fn entry(tool: &str, call_id: &str, end: Option<&Result<Output, Failure>>) -> (LoggingLevel, Value) {
    match end {
        Some(Ok(_)) => (LoggingLevel::Debug, json!({ "tool": tool, "callId": call_id })),
        Some(Err(failure)) => {
            (LoggingLevel::Warning, json!({ "tool": tool, "callId": call_id, "code": failure.error.code() }))
        }
        None => (LoggingLevel::Warning, json!({ "tool": tool, "callId": call_id, "code": "given_up" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::ToolError;

    #[test]
    fn a_failure_is_a_warning_without_its_message() {
        let failure = Failure { error: ToolError::new("hunter2").with_code("locked"), shown_causes: None };
        let (level, data) = entry("t", "local-1", Some(&Err(failure)));
        assert_eq!(
            (level, data),
            (LoggingLevel::Warning, json!({ "tool": "t", "callId": "local-1", "code": "locked" }))
        );
        let (level, data) = entry("t", "local-2", Some(&Ok(Output::new(8))));
        assert_eq!((level, data), (LoggingLevel::Debug, json!({ "tool": "t", "callId": "local-2" })));
    }
}
