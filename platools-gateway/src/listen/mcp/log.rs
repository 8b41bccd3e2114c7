//! What a client is told that asked for a log.

use rmcp::RoleServer;
use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
use rmcp::service::RequestContext;
use serde_json::json;

use super::session::Session;
use crate::core::CallReply;
use crate::core::error::Error;

/// From which level on a client wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Severity(u8);

impl From<LoggingLevel> for Severity {
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

/// Tells a client that asked for it how a call ended; not with what, which the answer says.
pub(super) async fn tell(
    session: &Session,
    context: &RequestContext<RoleServer>,
    tool: &str,
    end: &Result<CallReply, Error>,
) {
    let Some(wanted) = context.meta.log_level().map(Severity::from).or_else(|| session.level()) else { return };
    let (level, data) = match end {
        Ok(reply) => {
            let data = json!({"tool": tool, "callId": reply.call_id.as_str(), "latencyMs": reply.latency_ms});
            (LoggingLevel::Debug, data)
        }
        Err(error) => {
            let call_id = error.call_id().map(ToString::to_string);
            (LoggingLevel::Warning, json!({"tool": tool, "callId": call_id, "code": error.kind().code()}))
        }
    };
    if Severity::from(level) >= wanted {
        let param = LoggingMessageNotificationParam::new(level, data).with_logger("platools");
        tokio::select! {
            () = context.ct.cancelled() => {}
            _ = context.peer.notify_logging_message(param) => {}
        }
    }
}
