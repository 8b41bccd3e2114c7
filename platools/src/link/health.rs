//! [`HealthReports`]: writes the health of tools into heartbeats, and keeps the platform's alerts about it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::registry::{RegisteredTool, ToolRegistry};
use platools_protocol::tool_sync::{HealthStatus, ToolHealth, ToolHealthAlert, WorkerFrame};
use platools_protocol::truncate::truncate;

/// Reports each tool whose figures have changed since its last report.
///
/// A platform may store every reported tool, one after the other, before it answers a heartbeat. So tools that were not
/// called, or not since, are left out.
#[derive(Debug)]
pub(super) struct HealthReports {
    registry: ToolRegistry,
    /// The last report of each tool, and none where it is to be repeated.
    reported: HashMap<String, Option<ToolHealth>>,
    /// The platform's last alert about each tool.
    alerts: HashMap<String, (String, Option<Value>)>,
}

impl HealthReports {
    pub(super) fn new(registry: ToolRegistry) -> Self {
        Self { registry, reported: HashMap::new(), alerts: HashMap::new() }
    }

    /// A heartbeat without reports, which only asks for an answer.
    pub(super) fn silent_heartbeat() -> Utf8Bytes {
        Utf8Bytes::from_static(SILENT)
    }

    /// A heartbeat with a report of each tool that has changed.
    pub(super) fn heartbeat(&mut self, now: Instant) -> Utf8Bytes {
        let tools_health = self.changes(now);
        if tools_health.is_empty() {
            return Self::silent_heartbeat();
        }
        WorkerFrame::Heartbeat { tools_health }.to_text().into()
    }

    /// The platform may be another one, or may not have got the last report: tools with calls are reported once more, and those
    /// that were not well.
    pub(super) fn reconnected(&mut self) {
        self.reported.retain(|_, last| last.as_ref().is_none_or(|last| last.status != HealthStatus::Healthy));
        self.reported.values_mut().for_each(|last| *last = None);
    }

    /// Notes an alert of the platform. Returns true if it differs from the one before it about the same tool.
    pub(super) fn note_alert(&mut self, alert: &ToolHealthAlert) -> bool {
        // Names are the platform's, so there may be any number of them.
        if self.alerts.len() > self.registry.len() {
            self.alerts.retain(|tool, _| self.registry.find(tool).is_some());
        }
        let reported = (alert.status.clone(), alert.details.clone());
        self.alerts.get(&alert.tool) != Some(&reported) && {
            self.alerts.insert(alert.tool.clone(), reported);
            true
        }
    }

    fn changes(&mut self, now: Instant) -> BTreeMap<String, ToolHealth> {
        self.reported.retain(|name, _| self.registry.find(name).is_some());
        let tools = self.registry.registered();
        tools.iter().filter_map(|tool| self.change_of(tool, now)).collect()
    }

    fn change_of(&mut self, tool: &RegisteredTool, now: Instant) -> Option<(String, ToolHealth)> {
        let (was_called, health) = health(tool, now);
        let name = tool.name();
        let has_changed = match self.reported.get(name) {
            Some(Some(last)) if was_called => *last != health,
            // Its calls are forgotten: no figures are no change, the platform keeps those it has.
            Some(Some(last)) => last.status != health.status,
            Some(None) => true,
            None => was_called,
        };
        if health.status == HealthStatus::Healthy {
            self.alerts.remove(name);
        }
        if was_called || health.status != HealthStatus::Healthy {
            if has_changed {
                self.reported.insert(name.to_owned(), Some(health.clone()));
            }
        } else {
            self.reported.remove(name);
        }
        has_changed.then(|| (name.to_owned(), health))
    }
}

/// The latest error of a tool is cut here: it may be repeated in many heartbeats.
const MAX_LAST_ERROR_BYTES: usize = 512;

/// A heartbeat without reports.
const SILENT: &str = r#"{"type":"heartbeat","tools_health":{}}"#;

/// True if a tool was called in the last hour, and its figures.
fn health(tool: &RegisteredTool, now: Instant) -> (bool, ToolHealth) {
    let verdict = tool.health().verdict(now);
    let status = match () {
        () if verdict.is_down() => HealthStatus::Down,
        () if verdict.is_degraded() => HealthStatus::Degraded,
        () => HealthStatus::Healthy,
    };
    let latency_ms = u64::try_from(verdict.mean_latency.as_millis()).unwrap_or(u64::MAX);
    let last_error = verdict.last_error.map(|error| truncate(&error, MAX_LAST_ERROR_BYTES).to_owned());
    (verdict.calls > 0, ToolHealth::new(status, latency_ms, verdict.errors, last_error))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tests::Named;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MS: Duration = Duration::from_millis(1);

    fn reports() -> (ToolRegistry, HealthReports) {
        let registry = ToolRegistry::new();
        registry.insert(Named("a")).and_then(|()| registry.insert(Named("b"))).expect("valid tools");
        (registry.clone(), HealthReports::new(registry))
    }

    fn record(registry: &ToolRegistry, tool: &str, now: Instant, error: Option<&str>) {
        registry.find(tool).expect("it is there").health().record(now, MS, error.map(str::to_owned));
    }

    fn told(reports: &mut HealthReports, now: Instant) -> Vec<(String, HealthStatus)> {
        reports.changes(now).into_iter().map(|(name, health)| (name, health.status)).collect()
    }

    fn of(tool: &str, status: HealthStatus) -> Vec<(String, HealthStatus)> {
        vec![(tool.to_owned(), status)]
    }

    #[test]
    fn only_tools_with_news_are_reported() {
        let ((registry, mut reports), now) = (reports(), Instant::now());
        assert_eq!(reports.heartbeat(now).as_str(), SILENT, "no tool was called");
        record(&registry, "a", now, None);
        assert_eq!(told(&mut reports, now), of("a", HealthStatus::Healthy));
        assert_eq!(told(&mut reports, now), [], "nothing has changed");
        record(&registry, "a", now, None);
        assert_eq!(told(&mut reports, now), [], "the figures are the same");
        record(&registry, "a", now, Some("broken"));
        assert_eq!(told(&mut reports, now), of("a", HealthStatus::Healthy));
        assert_eq!(told(&mut reports, now + HOUR), [], "its calls are forgotten");
    }

    #[test]
    fn a_tool_that_is_well_again_is_reported_once_also_on_a_new_socket() {
        for reconnects in [false, true] {
            let ((registry, mut reports), now) = (reports(), Instant::now());
            (0..5).for_each(|_| record(&registry, "b", now, Some("broken")));
            assert_eq!(told(&mut reports, now), of("b", HealthStatus::Down));
            if reconnects {
                reports.reconnected();
            }
            assert_eq!(told(&mut reports, now + HOUR), of("b", HealthStatus::Healthy));
            assert_eq!(told(&mut reports, now + HOUR), []);
        }
    }

    #[test]
    fn a_new_socket_is_told_of_the_tools_that_were_called_and_of_no_other() {
        let ((registry, mut reports), now) = (reports(), Instant::now());
        record(&registry, "a", now, None);
        told(&mut reports, now);
        reports.reconnected();
        assert_eq!(told(&mut reports, now), of("a", HealthStatus::Healthy));
        registry.clear();
        assert_eq!(told(&mut reports, now), []);
        assert!(reports.reported.is_empty());
    }

    #[test]
    fn an_alert_is_news_when_it_says_something_else_or_the_tool_was_well_in_between() {
        let ((registry, mut reports), now) = (reports(), Instant::now());
        let down = ToolHealthAlert::new("a", "down", Some(json!({"errors": 5})));
        assert!(reports.note_alert(&down) && !reports.note_alert(&down));
        assert!(reports.note_alert(&ToolHealthAlert::new("a", "degraded", down.details.clone())));
        assert!(reports.note_alert(&down));
        assert!(reports.note_alert(&ToolHealthAlert::new("a", "down", None)));
        assert!(reports.note_alert(&down));
        record(&registry, "a", now, None);
        told(&mut reports, now);
        assert!(reports.note_alert(&down));
        for name in 0..10_000 {
            reports.note_alert(&ToolHealthAlert::new(name.to_string(), "down", None));
        }
        assert!(reports.alerts.len() <= 4, "names that are no tools are forgotten");
    }
}
