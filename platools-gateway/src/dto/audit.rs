//! [`AuditEventDto`]: the JSON of an audit event.

use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::AuditEvent;
use crate::ports::time::rfc3339;

/// A record of the audit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditRecord)]
pub struct AuditEventDto {
    id: String,
    at: String,
    /// `change`, `sign_in` or `refusal`.
    kind: &'static str,
    /// A dotted noun and verb, such as `key.create`.
    action: String,
    /// `ok`, or `refused`.
    outcome: &'static str,
    actor: AuditActorDto,
    /// The project that it is about; `null` for what concerns the whole gateway.
    project_id: Option<String>,
    /// The thing it was done to: an id, a name, a route or a method.
    subject: Option<String>,
    /// More in words; for a refusal, the reason.
    detail: Option<String>,
    /// The number of further events of the same network, key or token that this record stands for.
    left_out: u64,
}

/// The author of an event, and its origin.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditActor)]
pub struct AuditActorDto {
    /// The id of the key, token or secret; `nothing` of a caller without any.
    credential: Option<String>,
    role: Option<String>,
    user_id: Option<String>,
    agent_id: Option<String>,
    /// `rest`, `openai`, `rpc`, `feed`, `runtime`, `mcp`, `tool_sync`, `http`, `command_line` or `program`.
    protocol: &'static str,
    /// The client's address.
    address: Option<String>,
    /// The `X-Request-Id` of the request, or of the upgrade of its socket.
    request_id: Option<String>,
}

impl From<AuditEvent> for AuditEventDto {
    fn from(event: AuditEvent) -> Self {
        let origin = event.actor.origin;
        Self {
            id: event.id.to_string(),
            at: rfc3339(event.at_ms),
            kind: event.kind.as_str(),
            action: event.action.into_owned(),
            outcome: event.kind.outcome(),
            actor: AuditActorDto {
                credential: event.actor.credential,
                role: event.actor.role,
                user_id: event.actor.user_id,
                agent_id: event.actor.agent_id.map(|agent| agent.to_string()),
                protocol: origin.protocol.as_str(),
                address: origin.address.map(|address| address.to_string()),
                request_id: origin.request_id.map(|id| id.to_string()),
            },
            project_id: event.project_id.map(|project| project.to_string()),
            subject: event.subject,
            detail: event.detail,
            left_out: event.left_out,
        }
    }
}
