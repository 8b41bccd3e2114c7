//! Functions that write audit events as lines of the log, under the target `audit`.

use crate::domain::audit::{AuditEvent, AuditKind};

/// Writes one event as a line with fields, whose values are those of the row. Refusals are warnings.
macro_rules! line {
    ($level:ident, $event:expr, $message:literal) => {{
        let event: &AuditEvent = $event;
        let origin = &event.actor.origin;
        // Without the spans around it, which have some of the same fields.
        tracing::$level!(
            target: "audit",
            parent: None,
            {
                action = &*event.action,
                outcome = event.kind.outcome(),
                credential = event.actor.credential.as_deref(),
                role = event.actor.role.as_deref(),
                user.id = event.actor.user_id.as_deref(),
                agent.id = event.actor.agent_id.as_ref().map(|agent| agent.as_str()),
                project.id = event.project_id.as_ref().map(|project| project.as_str()),
                protocol = origin.protocol.as_str(),
                client.address = origin.address.map(tracing::field::display),
                request.id = origin.request_id.as_ref().map(|id| id.as_str()),
                subject = event.subject.as_deref(),
                detail = event.detail.as_deref(),
                left_out = Some(event.left_out).filter(|left_out| *left_out > 0),
            },
            $message
        );
    }};
}

/// Logs an event that is recorded.
pub(crate) fn log(event: &AuditEvent) {
    match event.kind {
        AuditKind::Change => line!(info, event, "change made"),
        AuditKind::SignIn => line!(info, event, "sign-in accepted"),
        AuditKind::Refusal => line!(warn, event, "request refused"),
    }
}

/// Logs a change at `debug`.
pub(crate) fn log_quietly(event: &AuditEvent) {
    line!(debug, event, "change made");
}

/// Logs an event that is counted instead of recorded, at `debug`.
pub(super) fn log_left_out(event: &AuditEvent) {
    line!(debug, event, "event counted and not recorded: too many from this network in a minute");
}
