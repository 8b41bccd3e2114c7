//! [`CallFigures`]: counts the calls of each tool, by outcome and by duration.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::domain::identity::{Identity, Scope};
use crate::domain::ids::ProjectId;
use crate::domain::lock::lock;
use crate::ports::call_observer::{CallObserver, EndedCall};

/// Counts calls.
#[derive(Debug, Default)]
pub(crate) struct CallFigures {
    tools: Mutex<CalledTools>,
}

/// The tools that were called, by project, by scope, and by name.
type CalledTools = HashMap<ProjectId, HashMap<Scope, HashMap<String, ToolFigures>>>;

impl CallFigures {
    /// The tools of a project that were called, by entity, environment and name.
    pub(super) fn of(&self, project: &ProjectId) -> Vec<ToolFigures> {
        let tools = self.lock();
        let called = tools.get(project).into_iter().flat_map(HashMap::values);
        let mut called: Vec<_> = called.flat_map(HashMap::values).cloned().collect();
        called.sort_by(|left, right| left.place().cmp(&right.place()));
        called
    }

    /// Forgets tools that are gone.
    pub(super) fn retain(&self, is_there: impl Fn(&Scope, &str) -> bool) {
        self.lock().retain(|_, tools| {
            tools.retain(|scope, called| {
                called.retain(|name, _| is_there(scope, name));
                !called.is_empty()
            });
            !tools.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, CalledTools> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.tools)
    }
}

impl CallObserver for CallFigures {
    fn call_ended(&self, call: &EndedCall<'_>) {
        let mut tools = self.lock();
        // Looked up before it is copied, as below.
        if !tools.contains_key(&call.identity.project_id) {
            tools.insert(call.identity.project_id.clone(), HashMap::new());
        }
        let Some(tools) = tools.get_mut(&call.identity.project_id) else { return };
        let called = tools.entry(call.identity.scope()).or_default();
        // Looked up before it is copied: nearly every call is of a tool that was called before.
        if !called.contains_key(call.tool) {
            called.insert(call.tool.to_owned(), ToolFigures::new(call));
        }
        if let Some(tool) = called.get_mut(call.tool) {
            tool.count(call.outcome, call.took);
        }
    }
}

/// Calls of one tool since the start of the gateway.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolFigures {
    /// The tool.
    pub tool: String,
    /// The entity of the tool.
    pub identity: Identity,
    /// The number of calls with each outcome: `ok`, `abandoned`, or the code of an error.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// A histogram of the times: one number for each of [`LATENCY_BOUNDS`], and one for longer times.
    pub latencies: [u64; LATENCY_BOUNDS.len() + 1],
    /// The sum of the times.
    pub total: Duration,
}

impl ToolFigures {
    fn new(call: &EndedCall<'_>) -> Self {
        Self {
            tool: call.tool.to_owned(),
            identity: call.identity.clone(),
            outcomes: BTreeMap::new(),
            latencies: Default::default(),
            total: Duration::ZERO,
        }
    }

    fn count(&mut self, outcome: &'static str, took: Duration) {
        *self.outcomes.entry(outcome).or_default() += 1;
        self.latencies[LATENCY_BOUNDS.partition_point(|bound| *bound < took.as_secs_f64())] += 1;
        self.total += took;
    }

    fn place(&self) -> (&str, &str, &str) {
        (&self.identity.entity, &self.identity.environment, &self.tool)
    }
}

/// The upper bounds of the histogram of call times, in seconds. The last bucket has no bound.
pub const LATENCY_BOUNDS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_tools_that_are_gone() {
        let figures = CallFigures::default();
        let tool = |name: &str| ToolFigures {
            tool: name.to_owned(),
            identity: Identity::sample(),
            outcomes: BTreeMap::new(),
            latencies: Default::default(),
            total: Duration::ZERO,
        };
        let (project, scope) = (Identity::sample().project_id, Identity::sample().scope());
        let called = ["a", "b"].map(|name| (name.to_owned(), tool(name)));
        figures.lock().insert(project.clone(), HashMap::from([(scope, HashMap::from(called))]));
        figures.retain(|_, name| name == "a");
        assert_eq!(figures.of(&project).iter().map(|tool| &*tool.tool).collect::<Vec<_>>(), ["a"]);
        assert!(figures.of(&"other".into()).is_empty());
        figures.retain(|_, _| false);
        assert!(figures.lock().is_empty());
    }

    #[test]
    fn a_bucket_has_what_took_as_long_as_its_bound_and_no_longer() {
        let mut tool = ToolFigures {
            tool: "t".to_owned(),
            identity: Identity::sample(),
            outcomes: BTreeMap::new(),
            latencies: Default::default(),
            total: Duration::ZERO,
        };
        for millis in [0, 1, 2, 3, 30_000, 30_001] {
            tool.count("ok", Duration::from_millis(millis));
        }
        assert_eq!(tool.latencies, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((tool.outcomes["ok"], tool.total.as_millis()), (6, 60_007));
    }
}
