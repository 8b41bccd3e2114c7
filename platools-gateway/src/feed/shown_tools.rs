//! [`ShownTools`]: the tools of an environment as JSON for dashboards. [`ShownToolsCache`] makes that JSON once for all dashboards.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use serde::ser::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::catalog::CatalogTool;
use crate::domain::identity::Identity;
use crate::domain::ids::EnvironmentId;
use crate::domain::lock::lock;
use crate::links::tool_health::ReportedHealth;
use crate::ports::time::rfc3339;

/// The number of environments that are kept. With more of them, all are made again, which costs only time.
const MAX_ENVIRONMENTS: usize = 1024;

/// The tools of an environment, by entity, each worker's in its own order.
#[derive(Debug)]
pub(super) struct ShownTools(Vec<ShownTool>);

impl FromIterator<ShownTool> for ShownTools {
    fn from_iter<I: IntoIterator<Item = ShownTool>>(tools: I) -> Self {
        Self(tools.into_iter().collect())
    }
}

/// A tool, with its text for dashboards.
#[derive(Debug)]
pub(super) struct ShownTool {
    identity: Arc<Identity>,
    tool: Arc<CatalogTool>,
    text: Box<RawValue>,
    /// Of the text.
    hash: u64,
}

/// Hashes texts for comparisons within this process. Its random keys keep workers from declaring two texts with one hash.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl ShownTools {
    /// Keeps the tools that pass a filter.
    pub(super) fn filtered(self: Arc<Self>, is_shown: impl Fn(&Identity, &CatalogTool) -> bool) -> DashboardTools {
        let is_shown = |shown: &ShownTool| is_shown(&shown.identity, &shown.tool);
        let chosen = (0..self.0.len()).filter(|place| is_shown(&self.0[*place])).collect();
        DashboardTools { tools: self, chosen }
    }
}

impl ShownTool {
    pub(super) fn new(identity: &Arc<Identity>, tool: &Arc<CatalogTool>, status: &ToolStatus) -> Self {
        // Without the counts of calls: with them, every call would send all tools to all dashboards.
        let health =
            status.health.as_ref().map(|health| json!({"status": health.status, "since": rfc3339(health.since_ms)}));
        let shown = json!({
            "name": tool.declaration.name,
            "description": tool.declaration.description,
            "entity": identity.entity,
            "entityId": identity.entity_id.as_str(),
            "environment": identity.environment,
            "online": status.is_online,
            "enabled": status.is_enabled,
            "health": health,
        });
        let text = to_raw_value(&shown).expect("a value always serializes");
        let hash = HASHER.hash_one(text.get());
        Self { identity: Arc::clone(identity), tool: Arc::clone(tool), text, hash }
    }
}

/// The status of a tool.
pub(super) struct ToolStatus {
    pub(super) is_online: bool,
    pub(super) is_enabled: bool,
    pub(super) health: Option<ReportedHealth>,
}

/// The tools that one dashboard shows.
#[derive(Debug)]
pub(super) struct DashboardTools {
    tools: Arc<ShownTools>,
    chosen: Vec<usize>,
}

impl DashboardTools {
    /// The same as long as the tools are.
    pub(super) fn hash(&self) -> u64 {
        HASHER.hash_one(self.chosen.iter().map(|place| self.tools.0[*place].hash).collect::<Vec<_>>())
    }
}

impl Serialize for DashboardTools {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.chosen.iter().map(|place| &self.tools.0[*place].text))
    }
}

/// The tools of environments that dashboards watch, kept until something changes in one.
#[derive(Debug, Default)]
pub(super) struct ShownToolsCache(Mutex<HashMap<EnvironmentId, CachedTools>>);

#[derive(Debug, Default)]
struct CachedTools {
    /// Counts changes, so that tools that were made during one are not kept.
    changes: u64,
    tools: Option<Arc<ShownTools>>,
}

impl ShownToolsCache {
    /// The tools of an environment, made now unless they are kept.
    pub(super) fn get_or(&self, environment: &EnvironmentId, make: impl FnOnce() -> ShownTools) -> Arc<ShownTools> {
        let changes = {
            let mut kept = self.lock();
            if kept.len() >= MAX_ENVIRONMENTS && !kept.contains_key(environment) {
                kept.clear();
            }
            let kept = kept.entry(environment.clone()).or_default();
            if let Some(tools) = &kept.tools {
                return Arc::clone(tools);
            }
            kept.changes
        };
        // Made outside of the lock: there may be thousands of them.
        let tools = Arc::new(make());
        if let Some(kept) = self.lock().get_mut(environment).filter(|kept| kept.changes == changes) {
            kept.tools = Some(Arc::clone(&tools));
        }
        tools
    }

    /// Forgets the tools of an environment, because something changed in it. Called before dashboards are told to look.
    pub(super) fn forget(&self, environment: &EnvironmentId) {
        if let Some(kept) = self.lock().get_mut(environment) {
            kept.forget();
        }
    }

    /// Forgets the tools of all environments.
    pub(super) fn forget_all(&self) {
        self.lock().values_mut().for_each(CachedTools::forget);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EnvironmentId, CachedTools>> {
        // Every section leaves the map whole, so a panic in another task spoils nothing.
        lock(&self.0)
    }
}

impl CachedTools {
    fn forget(&mut self) {
        self.changes += 1;
        self.tools = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_made_once_until_something_changes() {
        let cache = ShownToolsCache::default();
        let (environment, none) = (EnvironmentId::from("env"), || ShownTools(Vec::new()));
        let first = cache.get_or(&environment, none);
        assert!(Arc::ptr_eq(&first, &cache.get_or(&environment, || panic!("they are kept"))));
        cache.forget(&"other".into());
        assert!(Arc::ptr_eq(&first, &cache.get_or(&environment, || panic!("they are kept"))));
        cache.forget(&environment);
        let second = cache.get_or(&environment, none);
        assert!(!Arc::ptr_eq(&first, &second));
        cache.forget_all();
        assert!(!Arc::ptr_eq(&second, &cache.get_or(&environment, none)));
    }

    #[test]
    fn environments_past_the_bound_are_made_again() {
        let cache = ShownToolsCache::default();
        for number in 0..MAX_ENVIRONMENTS + 1 {
            cache.get_or(&format!("env_{number}").as_str().into(), || ShownTools(Vec::new()));
        }
        assert_eq!(cache.lock().len(), 1);
    }

    #[test]
    fn tools_that_were_made_during_a_change_are_not_kept() {
        let cache = ShownToolsCache::default();
        let environment = EnvironmentId::from("env");
        let old = cache.get_or(&environment, || {
            cache.forget(&environment);
            ShownTools(Vec::new())
        });
        assert!(!Arc::ptr_eq(&old, &cache.get_or(&environment, || ShownTools(Vec::new()))));
    }
}
