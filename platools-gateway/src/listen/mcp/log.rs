//! What a client is told that asked for a log: what its calls say, and how they ended.

use platools::LogLevel;
use rmcp::RoleServer;
use rmcp::model::LoggingMessageNotificationParam;
use rmcp::service::RequestContext;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::session::Session;
use crate::calls::CallReply;
use crate::domain::error::Error;

/// A client's log, from some level on. Without a level nothing is written to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log<'a> {
    /// The level that the request asks for. The session's may change while a call runs.
    asked: Option<LogLevel>,
    session: &'a Session,
}

impl<'a> Log<'a> {
    pub(super) fn of(session: &'a Session, context: &RequestContext<RoleServer>) -> Self {
        Self { asked: context.meta.log_level().map(renamed), session }
    }

    /// Says how a call ended; not with what, which the answer says.
    pub(super) async fn ended(self, context: &RequestContext<RoleServer>, tool: &str, end: &Result<CallReply, Error>) {
        let (level, data) = match end {
            Ok(reply) => {
                let data = json!({"tool": tool, "callId": reply.call_id.as_str(), "latencyMs": reply.latency_ms});
                (LogLevel::Debug, data)
            }
            Err(error) => {
                let call_id = error.call_id().map(ToString::to_string);
                (LogLevel::Warning, json!({"tool": tool, "callId": call_id, "code": error.kind().code()}))
            }
        };
        self.write(context, level, "platools", data).await;
    }

    /// Writes an entry, if the client wants it.
    pub(super) async fn write(self, context: &RequestContext<RoleServer>, level: LogLevel, logger: &str, data: Value) {
        if self.asked.or_else(|| self.session.level()).is_some_and(|wanted| level >= wanted) {
            let param = LoggingMessageNotificationParam::new(renamed(level), data).with_logger(logger);
            tokio::select! {
                () = context.ct.cancelled() => {}
                _ = context.peer.notify_logging_message(param) => {}
            }
        }
    }
}

/// A level of the protocol's library as ours, or the other way round: both have the names of RFC 5424.
pub(super) fn renamed<T: DeserializeOwned>(level: impl Serialize) -> T {
    serde_json::from_value(json!(level)).expect("both have all of the levels")
}
