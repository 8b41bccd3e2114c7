//! `HealthMonitor`: keeps the health of tools, which workers report with each heartbeat.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use platools_protocol::tool_sync::{HealthStatus, ToolHealth};
use serde::{Deserialize, Serialize};

use super::{ConnectedWorker, Link, Links};
use crate::authority::{Action, Resource, authorize};
use crate::catalog::Catalog;
use crate::domain::identity::{Caller, Scope};
use crate::domain::ids::{GatewayNumber, LinkId, ProjectId};
use crate::domain::lock::lock;
use crate::ports::time::now_ms;

/// Bytes of a tool's last error that are kept. Errors are a worker's own words, and of any length.
const MAX_ERROR_BYTES: usize = 1024;

/// The last known health of the tools of each link.
#[derive(Debug)]
pub(crate) struct HealthMonitor {
    table: HealthTable,
    catalog: Arc<Catalog>,
    links: Arc<Links>,
    /// Publishes the health of this gateway's tools to others, if there are any.
    observer: Option<Arc<dyn HealthObserver>>,
    /// The links of other gateways whose health is known.
    remote: Mutex<HashMap<u16, HashSet<(Scope, LinkId)>>>,
}

impl HealthMonitor {
    pub(crate) fn new(catalog: Arc<Catalog>, links: Arc<Links>, observer: Option<Arc<dyn HealthObserver>>) -> Self {
        Self { table: HealthTable::default(), catalog, links, observer, remote: Mutex::default() }
    }

    /// Notes the health of the tools of a link of another gateway.
    pub(crate) fn note_remote(&self, gateway: GatewayNumber, health: LinkHealth) {
        let LinkHealth { scope, link, tools } = health;
        let link_key = (scope.clone(), link.clone());
        let was_changed = match tools.is_empty() {
            false => {
                lock(&self.remote).entry(gateway.get()).or_default().insert(link_key);
                self.table.put(&scope, &link, tools)
            }
            true => {
                lock(&self.remote).entry(gateway.get()).or_default().remove(&link_key);
                self.table.forget(&scope, &link)
            }
        };
        if was_changed {
            self.links.tools_changed(&scope);
        }
    }

    /// Notes the health of the tools of all links of another gateway.
    pub(crate) fn replace_remote(&self, gateway: GatewayNumber, health: Vec<LinkHealth>) {
        let known = lock(&self.remote).remove(&gateway.get()).unwrap_or_default();
        for (scope, link) in known {
            if self.table.forget(&scope, &link) {
                self.links.tools_changed(&scope);
            }
        }
        health.into_iter().for_each(|health| self.note_remote(gateway, health));
    }

    /// The health of the tools of this gateway's links.
    pub(crate) fn local(&self) -> Vec<LinkHealth> {
        let remote: HashSet<_> = lock(&self.remote).values().flatten().cloned().collect();
        let all = self.table.all();
        all.into_iter().filter(|of| !remote.contains(&(of.scope.clone(), of.link.clone()))).collect()
    }

    /// The reports of a link, none at first.
    pub(crate) fn reports(&self, link: &Link) -> HealthReports {
        let (scope, link_id) = (link.identity().scope(), link.id().clone());
        let (table, links, observer) = (self.table.clone(), Arc::clone(&self.links), self.observer.clone());
        HealthReports { table, links, observer, scope, link_id }
    }

    /// Takes a worker's report, which names only the tools whose health changed.
    pub(crate) fn report(&self, reports: &HealthReports, tools: &BTreeMap<String, ToolHealth>) {
        let HealthReports { scope, link_id, .. } = reports;
        let is_declared = |name: &str| self.catalog.has(scope, name);
        if !tools.is_empty() && self.table.report(scope, link_id, tools, is_declared) {
            self.links.tools_changed(scope);
        }
        if let Some(observer) = self.observer.as_ref().filter(|_| !tools.is_empty()) {
            let (scope, link) = (scope.clone(), link_id.clone());
            let tools = self.table.known(&scope, &link);
            observer.reported(LinkHealth { scope, link, tools });
        }
    }

    /// The health of a worker's tools, as far as a caller may know of it.
    pub(crate) fn of_worker(&self, caller: &Caller, worker: &ConnectedWorker) -> WorkerHealth {
        let mut health = self.table.of_link(&worker.identity.scope(), &worker.link_id);
        if !sees_errors(caller, &caller.project_id) {
            health.unwell.iter_mut().for_each(|(_, health)| health.last_error = None);
        }
        health
    }

    /// The health of a tool; in a pool, the worst of its links.
    pub(crate) fn of_tool(&self, scope: &Scope, tool: &str) -> Option<ReportedHealth> {
        self.table.of(scope, tool)
    }
}

/// Observer of the health of the tools of this gateway's links. It must neither wait nor panic.
pub(crate) trait HealthObserver: fmt::Debug + Send + Sync {
    /// A worker has reported, or its link has ended.
    fn reported(&self, health: LinkHealth);
}

/// The health of the tools of one link, for other gateways.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LinkHealth {
    scope: Scope,
    link: LinkId,
    /// Empty once the link has ended.
    tools: BTreeMap<String, ReportedHealth>,
}

/// The health of a tool, as its worker reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReportedHealth {
    /// The worker's verdict.
    pub status: HealthStatus,
    /// Mean time of a call, in milliseconds.
    pub avg_latency_ms: u64,
    /// Calls that failed within the last hour.
    pub errors_last_hour: u64,
    /// The message of the latest failure: at most 1024 bytes, without control characters. Only for callers that may know of everybody's
    /// calls.
    pub last_error: Option<String>,
    /// The time of the first report of this status, in milliseconds since 1970.
    pub since_ms: i64,
}

/// The health of the tools of one worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerHealth {
    /// Tools that the worker reported.
    pub reported: usize,
    /// Tools that are not healthy, by name.
    pub unwell: Vec<(String, ReportedHealth)>,
}

impl ReportedHealth {
    fn new(health: &ToolHealth, since_ms: i64) -> Self {
        Self {
            status: health.status,
            avg_latency_ms: health.avg_latency_ms,
            errors_last_hour: health.error_count_1h,
            last_error: health.last_error.as_deref().map(short_line),
            since_ms,
        }
    }

    /// The health of a tool that two links have: the worse status with its error, and the errors of both.
    fn joined(self, other: Self) -> Self {
        let errors_last_hour = self.errors_last_hour.saturating_add(other.errors_last_hour);
        let avg_latency_ms = self.avg_latency_ms.max(other.avg_latency_ms);
        let (this, that) = (severity(self.status), severity(other.status));
        let worse = if (this, other.since_ms) >= (that, self.since_ms) { self } else { other };
        Self { errors_last_hour, avg_latency_ms, ..worse }
    }
}

/// A status as a number: 0 for healthy, 1 for degraded, 2 for down.
pub(crate) fn severity(status: HealthStatus) -> u8 {
    match status {
        HealthStatus::Healthy => 0,
        HealthStatus::Degraded => 1,
        HealthStatus::Down => 2,
    }
}

/// A text of a worker, on one line and not too long.
fn short_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        let character = if character.is_control() { ' ' } else { character };
        if line.len() + character.len_utf8() > MAX_ERROR_BYTES {
            break;
        }
        line.push(character);
    }
    line
}

type OfLink = HashMap<String, ReportedHealth>;

/// The last known health of each tool of each link. Workers report only what is new, so what they say stays until the link ends.
#[derive(Debug, Clone, Default)]
struct HealthTable(Arc<Mutex<HashMap<Scope, HashMap<LinkId, OfLink>>>>);

impl HealthTable {
    /// Takes a report. Says whether a tool has another status than before, or is known for the first time.
    ///
    /// Tools that are not declared are passed over, and those that are not declared any more forgotten, so a link has no more entries than
    /// declared tools.
    fn report(
        &self,
        scope: &Scope,
        link_id: &LinkId,
        tools: &BTreeMap<String, ToolHealth>,
        is_declared: impl Fn(&str) -> bool,
    ) -> bool {
        let now_ms = now_ms();
        let mut table = lock(&self.0);
        let known = table.entry(scope.clone()).or_default().entry(link_id.clone()).or_default();
        known.retain(|name, _| is_declared(name));
        let mut has_changed = false;
        for (name, health) in tools.iter().filter(|(name, _)| is_declared(name)) {
            let before = known.get(name).filter(|before| before.status == health.status);
            has_changed |= before.is_none();
            let since_ms = before.map_or(now_ms, |before| before.since_ms);
            known.insert(name.clone(), ReportedHealth::new(health, since_ms));
        }
        has_changed
    }

    /// Puts the health of the tools of a link in the place of what was known. Says whether a status has changed.
    fn put(&self, scope: &Scope, link_id: &LinkId, tools: BTreeMap<String, ReportedHealth>) -> bool {
        let mut table = lock(&self.0);
        let known = table.entry(scope.clone()).or_default().entry(link_id.clone()).or_default();
        let is_same = |(name, health): (&String, &ReportedHealth)| {
            known.get(name).is_some_and(|known| known.status == health.status)
        };
        let has_changed = known.len() != tools.len() || !tools.iter().all(is_same);
        *known = tools.into_iter().collect();
        has_changed
    }

    /// The health of the tools of a link.
    fn known(&self, scope: &Scope, link_id: &LinkId) -> BTreeMap<String, ReportedHealth> {
        let table = lock(&self.0);
        let known = table.get(scope).and_then(|links| links.get(link_id)).into_iter().flatten();
        known.map(|(name, health)| (name.clone(), health.clone())).collect()
    }

    /// The health of the tools of every link.
    fn all(&self) -> Vec<LinkHealth> {
        let table = lock(&self.0);
        let links = table.iter().flat_map(|(scope, links)| links.iter().map(move |(link, known)| (scope, link, known)));
        let health = links.map(|(scope, link, known)| {
            let tools = known.iter().map(|(name, health)| (name.clone(), health.clone())).collect();
            LinkHealth { scope: scope.clone(), link: link.clone(), tools }
        });
        health.collect()
    }

    /// Forgets a link. Says whether something was known of it.
    fn forget(&self, scope: &Scope, link_id: &LinkId) -> bool {
        let mut table = lock(&self.0);
        let Some(links) = table.get_mut(scope) else { return false };
        let was_known = links.remove(link_id).is_some();
        if links.is_empty() {
            table.remove(scope);
        }
        was_known
    }

    /// The health of a tool; of a pool's, the worst of its links.
    fn of(&self, scope: &Scope, tool: &str) -> Option<ReportedHealth> {
        let table = lock(&self.0);
        let of_links = table.get(scope)?.values().filter_map(|known| known.get(tool)).cloned();
        of_links.reduce(ReportedHealth::joined)
    }

    /// The health of the tools of one link.
    fn of_link(&self, scope: &Scope, link_id: &LinkId) -> WorkerHealth {
        let table = lock(&self.0);
        let Some(known) = table.get(scope).and_then(|links| links.get(link_id)) else {
            return WorkerHealth::default();
        };
        let unwell = known.iter().filter(|(_, health)| health.status != HealthStatus::Healthy);
        let mut unwell: Vec<_> = unwell.map(|(name, health)| (name.clone(), health.clone())).collect();
        unwell.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        WorkerHealth { reported: known.len(), unwell }
    }
}

/// The reports of one link. They are forgotten when this is dropped.
#[derive(Debug)]
pub struct HealthReports {
    table: HealthTable,
    links: Arc<Links>,
    observer: Option<Arc<dyn HealthObserver>>,
    scope: Scope,
    link_id: LinkId,
}

impl HealthReports {
    /// Forgets what the link reported, because it has ended.
    pub fn forget(&self) {
        if !self.table.forget(&self.scope, &self.link_id) {
            return;
        }
        self.links.tools_changed(&self.scope);
        if let Some(observer) = &self.observer {
            let (scope, link) = (self.scope.clone(), self.link_id.clone());
            observer.reported(LinkHealth { scope, link, tools: BTreeMap::new() });
        }
    }
}

impl Drop for HealthReports {
    fn drop(&mut self) {
        self.forget();
    }
}

/// True if a caller may see the errors of tools, which tell of other callers' calls: an operator or admin that is bound to no user and no
/// agent.
pub(crate) fn sees_errors(caller: &Caller, project: &ProjectId) -> bool {
    authorize(caller, Action::Call, Resource::Operations(project)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(status: HealthStatus, errors: u64, error: &str) -> ToolHealth {
        ToolHealth::new(status, 5, errors, Some(error.to_owned()))
    }

    fn scope() -> Scope {
        Scope { entity: "e".into(), environment: "env".into() }
    }

    fn report(table: &HealthTable, link: &str, tool: &str, health: ToolHealth) -> bool {
        table.report(&scope(), &link.into(), &BTreeMap::from([(tool.to_owned(), health)]), |name| name != "undeclared")
    }

    #[test]
    fn of_a_pool_the_worst_link_counts_and_each_link_goes_with_its_reports() {
        let table = HealthTable::default();
        assert!(report(&table, "one", "t", health(HealthStatus::Healthy, 1, "a")));
        assert!(report(&table, "other", "t", health(HealthStatus::Down, 2, "b")));
        let joined = table.of(&scope(), "t").unwrap();
        assert_eq!(
            (joined.status, joined.errors_last_hour, joined.last_error.as_deref()),
            (HealthStatus::Down, 3, Some("b"))
        );
        let unwell = table.of_link(&scope(), &"other".into());
        assert_eq!((unwell.reported, &*unwell.unwell[0].0), (1, "t"));
        assert_eq!(table.of_link(&scope(), &"one".into()), WorkerHealth { reported: 1, unwell: Vec::new() });
        assert!(table.forget(&scope(), &"other".into()) && !table.forget(&scope(), &"other".into()));
        assert_eq!(table.of(&scope(), "t").unwrap().status, HealthStatus::Healthy);
        table.forget(&scope(), &"one".into());
        assert!(table.of(&scope(), "t").is_none() && lock(&table.0).is_empty());
    }

    #[test]
    fn only_another_status_is_a_change_and_begins_anew() {
        let table = HealthTable::default();
        assert!(report(&table, "one", "t", health(HealthStatus::Degraded, 1, "a")));
        let since_ms = table.of(&scope(), "t").unwrap().since_ms;
        assert!(!report(&table, "one", "t", health(HealthStatus::Degraded, 9, "b")));
        let now = table.of(&scope(), "t").unwrap();
        assert_eq!((now.errors_last_hour, now.since_ms), (9, since_ms));
        assert!(report(&table, "one", "t", health(HealthStatus::Healthy, 9, "b")));
    }

    #[test]
    fn tools_that_are_not_declared_take_no_room() {
        let table = HealthTable::default();
        assert!(!report(&table, "one", "undeclared", health(HealthStatus::Down, 1, "a")));
        assert_eq!(table.of_link(&scope(), &"one".into()).reported, 0);
        report(&table, "one", "t", health(HealthStatus::Down, 1, "a"));
        table.report(&scope(), &"one".into(), &BTreeMap::new(), |_| false);
        assert_eq!(table.of_link(&scope(), &"one".into()).reported, 0);
    }

    #[test]
    fn an_error_is_one_short_line() {
        assert_eq!(short_line("a\nb\u{1b}[31m\u{0}é"), "a b [31m é");
        let long = short_line(&"é".repeat(1_000_000));
        assert_eq!(long.len(), MAX_ERROR_BYTES);
    }
}
