//! [`alerts`]: makes the frames that tell a worker which of its tools are unhealthy. [`left_out`]: makes the frames that tell it which of
//! its tools the gateway did not register.

use std::collections::BTreeMap;

use platools_protocol::tool_sync::{HealthStatus, PlatformFrame, ToolHealth, ToolHealthAlert, UnreadableTool};
use platools_protocol::truncate::truncate;

use crate::links::registration::{LeftOut, MAX_TOOLS};

/// Bytes of a tool's last error that go back to the worker, which knows the whole of it.
const MAX_LAST_ERROR_BYTES: usize = 1024;

/// A tool's name may have 128 characters of up to four bytes each; a longer one is no tool's.
const MAX_NAME_BYTES: usize = 512;

/// An alert for each tool that is not well. More tools than may be registered are nobody's health.
pub(super) fn alerts(tools: &BTreeMap<String, ToolHealth>) -> Vec<PlatformFrame<'static>> {
    let known = tools.iter().filter(|(name, _)| name.len() <= MAX_NAME_BYTES);
    known.filter_map(|(name, health)| alert(name, health)).take(MAX_TOOLS).collect()
}

/// An alert for each tool that a registration left out, so that the worker's log has the mistakes.
pub(super) fn left_out(unreadable: &[UnreadableTool], left_out: &[LeftOut]) -> Vec<PlatformFrame<'static>> {
    let unreadable = unreadable.iter().map(|tool| (tool.name.as_str(), tool.reason.as_str()));
    let left_out = left_out.iter().map(|tool| (tool.name.as_str(), tool.reason));
    let alert = |(name, reason): (&str, &str)| {
        let details = format!("not registered: {reason}");
        PlatformFrame::ToolHealthAlert(ToolHealthAlert::new(name, "down", Some(details.into())))
    };
    unreadable.chain(left_out).map(alert).collect()
}

/// The alert about one tool, if it is not well.
fn alert(name: &str, health: &ToolHealth) -> Option<PlatformFrame<'static>> {
    let status = match health.status {
        HealthStatus::Healthy => return None,
        HealthStatus::Degraded => "degraded",
        HealthStatus::Down => "down",
    };
    let details = serde_json::json!({
        "avg_latency_ms": health.avg_latency_ms,
        "error_count_1h": health.error_count_1h,
        "last_error": health.last_error.as_deref().map(|error| truncate(error, MAX_LAST_ERROR_BYTES)),
    });
    Some(PlatformFrame::ToolHealthAlert(ToolHealthAlert::new(name, status, Some(details))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts_about(name: &str, last_error: &str) -> Vec<String> {
        let health = ToolHealth::new(HealthStatus::Down, 1, 2, Some(last_error.to_owned()));
        alerts(&BTreeMap::from([(name.to_owned(), health)])).iter().map(PlatformFrame::to_text).collect()
    }

    #[test]
    fn an_alert_has_the_beginning_of_a_long_error() {
        let [alert] = alerts_about("t", &"é".repeat(1_000_000)).try_into().unwrap();
        assert_eq!(alert.matches('é').count(), 512);
        assert!(alert.len() < 1200);
    }

    #[test]
    fn there_is_no_alert_about_what_cannot_be_a_tool() {
        assert!(alerts_about(&"x".repeat(1_000_000), "e").is_empty());
        assert_eq!(alerts_about(&"𝕋".repeat(128), "e").len(), 1);
    }
}
