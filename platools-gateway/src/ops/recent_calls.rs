//! [`RecentCalls`]: counts the calls of the last half hour by the time of their end, for each environment and for each tool.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::call_figures::LATENCY_BOUNDS;
use crate::authority::{Action, Resource, authorize};
use crate::domain::error::Error;
use crate::domain::identity::{Caller, Identity, Scope};
use crate::domain::ids::{EnvironmentId, ProjectId};
use crate::domain::lock::lock;
use crate::ports::call_observer::{CallObserver, EndedCall};
use crate::ports::time::now_ms;

/// Counts recent calls. Its memory is bounded: each environment has 180 intervals at most, and each of 20,000 tools 30.
#[derive(Debug, Default)]
pub(crate) struct RecentCalls(Mutex<RecentCounts>);

#[derive(Debug, Default)]
struct RecentCounts {
    environments: HashMap<(ProjectId, EnvironmentId), CallSeries<INTERVAL_MS>>,
    tools: HashMap<Scope, HashMap<String, RecentTool>>,
    tool_count: usize,
}

#[derive(Debug)]
struct RecentTool {
    identity: Identity,
    series: CallSeries<TOOL_INTERVAL_MS>,
}

/// Counts of consecutive intervals of so many milliseconds, without those that have no calls.
#[derive(Debug, Default)]
struct CallSeries<const MS: i64>(VecDeque<CallCounts>);

/// Counts of the calls that ended within an interval.
#[derive(Debug, Clone, Default)]
struct CallCounts {
    begin_ms: i64,
    calls: u32,
    errors: u32,
    /// A histogram of the times, with the bounds of `LATENCY_BOUNDS`.
    latencies: [u32; LATENCY_BOUNDS.len() + 1],
}

/// The recent calls that a caller may see.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) now_ms: i64,
    /// Intervals of [`INTERVAL`] in which calls ended, the oldest first.
    pub(crate) intervals: Vec<IntervalActivity>,
    /// The tools that were called, the busiest first.
    pub(crate) tools: Vec<ToolActivity>,
}

/// The calls that ended within an interval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IntervalActivity {
    pub(crate) begin_ms: i64,
    pub(crate) calls: u32,
    /// Calls that failed. Those that their caller abandoned or cancelled do not count.
    pub(crate) errors: u32,
    /// Estimates of the median and the 95th percentile of the times.
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
}

/// The recent calls of a tool.
#[derive(Debug)]
pub(crate) struct ToolActivity {
    pub(crate) tool: String,
    pub(crate) identity: Identity,
    /// All of them.
    pub(crate) total: IntervalActivity,
    /// Intervals of [`TOOL_INTERVAL`] in which calls ended, the oldest first.
    pub(crate) intervals: Vec<IntervalActivity>,
}

/// The tools that a caller asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ToolChoice<'a> {
    /// None of them.
    Nothing,
    /// Tools of this name.
    Named(&'a str),
    /// The busiest ones.
    Busiest,
}

/// The time that calls are counted for.
pub(crate) const WINDOW: Duration = Duration::from_secs(30 * 60);

/// The interval of the counts of an environment.
pub(crate) const INTERVAL: Duration = Duration::from_millis(INTERVAL_MS.unsigned_abs());

/// The interval of the counts of a tool. It is longer, because there may be many tools.
pub(crate) const TOOL_INTERVAL: Duration = Duration::from_millis(TOOL_INTERVAL_MS.unsigned_abs());

const INTERVAL_MS: i64 = 10_000;

const TOOL_INTERVAL_MS: i64 = 60_000;

const WINDOW_MS: i64 = 30 * 60_000;

/// Tools with counts of their own. Calls of further ones count for their environment only.
const MAX_TOOLS: usize = 20_000;

/// Tools that one list has.
const LISTED_TOOLS: usize = 1000;

impl RecentCalls {
    /// The recent calls of the caller's project, in the environments that the caller reaches, or in one of them.
    ///
    /// # Errors
    /// The role is not enough, or the key or token belongs to a user or an agent.
    pub(crate) fn read(
        &self,
        caller: &Caller,
        span: Duration,
        only: Option<&EnvironmentId>,
        choice: ToolChoice<'_>,
    ) -> Result<Activity, Error> {
        authorize(caller, Action::View, Resource::Operations(&caller.project_id))?;
        let reaches = |environment: &EnvironmentId| {
            let is_chosen = only.is_none_or(|only| only == environment);
            is_chosen && authorize(caller, Action::View, Resource::Environment(environment)).is_ok()
        };
        let now_ms = now_ms();
        let since_ms = now_ms.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX).min(WINDOW_MS));
        let counts = self.lock();
        let of_project = counts.environments.iter().filter(|((project, _), _)| *project == caller.project_id);
        let reached = of_project.filter(|((_, environment), _)| reaches(environment));
        let mut all = Vec::new();
        reached.for_each(|(_, series)| all.extend(series.since(since_ms).cloned()));
        let is_chosen = |name: &str| match choice {
            ToolChoice::Nothing => false,
            ToolChoice::Named(wanted) => name == wanted,
            ToolChoice::Busiest => true,
        };
        let tools = counts.tools.values().flatten().filter(|(name, tool)| {
            is_chosen(name) && tool.identity.project_id == caller.project_id && reaches(&tool.identity.environment_id)
        });
        let mut tools: Vec<_> = tools.filter_map(|(name, tool)| tool.activity(name, since_ms)).collect();
        tools.sort_by(|left, right| (right.total.calls, &left.tool).cmp(&(left.total.calls, &right.tool)));
        tools.truncate(LISTED_TOOLS);
        Ok(Activity { now_ms, intervals: merged(all), tools })
    }

    /// Forgets what is older than the window.
    pub(crate) fn sweep(&self) {
        let since_ms = now_ms().saturating_sub(WINDOW_MS);
        let mut counts = self.lock();
        counts.environments.retain(|_, series| series.is_used(since_ms));
        counts.tools.retain(|_, tools| {
            tools.retain(|_, tool| tool.series.is_used(since_ms));
            !tools.is_empty()
        });
        counts.tool_count = counts.tools.values().map(HashMap::len).sum();
    }

    fn count(&self, tool: &str, identity: &Identity, outcome: &str, took: Duration, now_ms: i64) {
        let mut counts = self.lock();
        let counts = &mut *counts;
        let environment = (identity.project_id.clone(), identity.environment_id.clone());
        counts.environments.entry(environment).or_default().count(outcome, took, now_ms);
        let tools = counts.tools.entry(identity.scope()).or_default();
        // Looked up before it is copied: nearly every call is of a tool that was called before.
        if !tools.contains_key(tool) && counts.tool_count < MAX_TOOLS {
            let new = RecentTool { identity: identity.clone(), series: CallSeries::default() };
            tools.insert(tool.to_owned(), new);
            counts.tool_count += 1;
        }
        if let Some(tool) = tools.get_mut(tool) {
            tool.series.count(outcome, took, now_ms);
        }
    }

    fn lock(&self) -> MutexGuard<'_, RecentCounts> {
        // Every section leaves the counts whole, so a panic in another task spoils nothing.
        lock(&self.0)
    }
}

impl CallObserver for RecentCalls {
    fn call_ended(&self, call: &EndedCall<'_>) {
        self.count(call.tool, call.identity, call.outcome, call.took, now_ms());
    }
}

impl RecentTool {
    /// The calls since a time; none if there are none.
    fn activity(&self, name: &str, since_ms: i64) -> Option<ToolActivity> {
        let mut total = self.series.since(since_ms).next()?.clone();
        self.series.since(since_ms).skip(1).for_each(|counts| total.add(counts));
        Some(ToolActivity {
            tool: name.to_owned(),
            identity: self.identity.clone(),
            total: total.shown(),
            intervals: self.series.since(since_ms).map(CallCounts::shown).collect(),
        })
    }
}

impl<const MS: i64> CallSeries<MS> {
    fn count(&mut self, outcome: &str, took: Duration, now_ms: i64) {
        let begin_ms = now_ms - now_ms.rem_euclid(MS);
        // A clock that went back counts for the newest interval, so that the order stays.
        if self.0.back().is_none_or(|newest| newest.begin_ms < begin_ms) {
            self.0.push_back(CallCounts { begin_ms, ..CallCounts::default() });
        }
        while self.0.front().is_some_and(|oldest| oldest.begin_ms + MS <= now_ms - WINDOW_MS) {
            self.0.pop_front();
        }
        if let Some(newest) = self.0.back_mut() {
            newest.count(outcome, took);
        }
    }

    /// The intervals that had not ended at a time.
    fn since(&self, since_ms: i64) -> impl Iterator<Item = &CallCounts> {
        self.0.iter().filter(move |counts| counts.begin_ms + MS > since_ms)
    }

    fn is_used(&self, since_ms: i64) -> bool {
        self.since(since_ms).next().is_some()
    }
}

impl CallCounts {
    fn count(&mut self, outcome: &str, took: Duration) {
        self.calls += 1;
        self.errors += u32::from(!matches!(outcome, "ok" | "abandoned" | "cancelled"));
        self.latencies[LATENCY_BOUNDS.partition_point(|bound| *bound < took.as_secs_f64())] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.latencies.iter_mut().zip(other.latencies).for_each(|(own, other)| *own += other);
    }

    fn shown(&self) -> IntervalActivity {
        let Self { begin_ms, calls, errors, .. } = *self;
        IntervalActivity { begin_ms, calls, errors, p50: self.percentile(0.5), p95: self.percentile(0.95) }
    }

    /// An estimate of the time that a share of the calls did not exceed. Times within one bound and the next count as spread evenly.
    fn percentile(&self, share: f64) -> Duration {
        let wanted = f64::from(self.calls) * share;
        let mut below = 0.0;
        for (index, count) in self.latencies.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = f64::from(*count);
            if below + count >= wanted {
                let low = if index == 0 { 0.0 } else { LATENCY_BOUNDS[index - 1] };
                let high = LATENCY_BOUNDS.get(index).copied().unwrap_or(low);
                let part = ((wanted - below) / count).clamp(0.0, 1.0);
                return Duration::from_secs_f64((high - low).mul_add(part, low));
            }
            below += count;
        }
        Duration::ZERO
    }
}

/// Intervals by their begin, those of several environments added up.
fn merged(mut all: Vec<CallCounts>) -> Vec<IntervalActivity> {
    all.sort_by_key(|counts| counts.begin_ms);
    let sums = all.chunk_by(|left, right| left.begin_ms == right.begin_ms).filter_map(|same| {
        let mut sum = same.first()?.clone();
        same.iter().skip(1).for_each(|counts| sum.add(counts));
        Some(sum.shown())
    });
    sums.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::Role;

    fn caller() -> Caller {
        Caller { role: Role::Viewer, ..Caller::sample("key_1") }
    }

    fn in_environment(environment: &str) -> Identity {
        Identity { environment_id: environment.into(), ..Identity::sample() }
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn read(calls: &RecentCalls, caller: &Caller) -> Activity {
        calls.read(caller, WINDOW, None, ToolChoice::Busiest).unwrap()
    }

    #[test]
    fn calls_are_counted_by_interval_environment_and_tool() {
        let (calls, now) = (RecentCalls::default(), now_ms());
        let begin = now - now.rem_euclid(INTERVAL_MS);
        for (tool, environment, outcome, at_ms) in [
            ("a", "env", "ok", begin - INTERVAL_MS),
            ("a", "env", "tool_failed", begin),
            ("a", "other", "ok", begin),
            ("b", "env", "cancelled", begin + 1),
            ("b", "env", "abandoned", begin + 1),
            ("b", "env", "timeout", begin + 1),
        ] {
            calls.count(tool, &in_environment(environment), outcome, millis(4), at_ms);
        }
        let activity = read(&calls, &caller());
        let counts: Vec<_> =
            activity.intervals.iter().map(|shown| (shown.begin_ms, shown.calls, shown.errors)).collect();
        assert_eq!(counts, [(begin - INTERVAL_MS, 1, 0), (begin, 5, 2)]);
        let tools: Vec<_> =
            activity.tools.iter().map(|shown| (&*shown.tool, shown.total.calls, shown.total.errors)).collect();
        assert_eq!(tools, [("b", 3, 1), ("a", 2, 1), ("a", 1, 0)]);
        let confined = Caller { environments: Some(vec!["other".into()]), ..caller() };
        let seen = read(&calls, &confined);
        assert_eq!((seen.intervals.len(), seen.tools.len()), (1, 1));
        let one = calls.read(&caller(), WINDOW, Some(&"other".into()), ToolChoice::Busiest).unwrap();
        assert_eq!((one.intervals.len(), one.tools.len()), (1, 1));
        let elsewhere = Caller { project_id: "prj_other".into(), ..caller() };
        assert!(read(&calls, &elsewhere).tools.is_empty());
        let named = calls.read(&caller(), WINDOW, None, ToolChoice::Named("b")).unwrap();
        assert_eq!(named.tools.len(), 1);
        assert!(calls.read(&caller(), WINDOW, None, ToolChoice::Nothing).unwrap().tools.is_empty());
    }

    #[test]
    fn a_user_does_not_see_the_calls_of_all() {
        let calls = RecentCalls::default();
        let user = Caller { user_id: Some("ada".to_owned()), ..caller() };
        calls.read(&user, WINDOW, None, ToolChoice::Busiest).unwrap_err();
    }

    #[test]
    fn calls_are_forgotten_after_the_window_and_a_clock_may_go_back() {
        let (calls, now) = (RecentCalls::default(), now_ms());
        calls.count("old", &Identity::sample(), "ok", millis(1), now - WINDOW_MS - TOOL_INTERVAL_MS);
        calls.sweep();
        assert_eq!(calls.lock().tool_count, 0);
        assert!(calls.lock().environments.is_empty() && calls.lock().tools.is_empty());
        for at_ms in [now, now - INTERVAL_MS] {
            calls.count("a", &Identity::sample(), "ok", millis(1), at_ms);
        }
        let activity = read(&calls, &caller());
        assert_eq!((activity.intervals.len(), activity.intervals[0].calls), (1, 2));
        let mut series = CallSeries::<INTERVAL_MS>::default();
        (0..1000).for_each(|number| series.count("ok", millis(1), now + number * INTERVAL_MS));
        assert_eq!(series.0.len(), 181);
    }

    #[test]
    fn further_tools_than_so_many_count_for_their_environment_only() {
        let (calls, now) = (RecentCalls::default(), now_ms());
        (0..=MAX_TOOLS).for_each(|number| calls.count(&number.to_string(), &Identity::sample(), "ok", millis(1), now));
        assert_eq!(calls.lock().tool_count, MAX_TOOLS);
        let activity = read(&calls, &caller());
        assert_eq!(activity.tools.len(), LISTED_TOOLS);
        assert_eq!(activity.intervals.iter().map(|shown| shown.calls).sum::<u32>() as usize, MAX_TOOLS + 1);
    }

    #[test]
    fn percentiles_lie_between_the_bounds_of_their_bucket() {
        let mut counts = CallCounts::default();
        assert_eq!(counts.percentile(0.5), Duration::ZERO);
        (0..99).for_each(|_| counts.count("ok", millis(15)));
        counts.count("ok", Duration::from_secs(60));
        let (p50, p95) = (counts.percentile(0.5), counts.percentile(0.95));
        assert!(p50 > millis(10) && p50 < p95 && p95 <= millis(20), "{p50:?} {p95:?}");
        assert_eq!(counts.percentile(1.0), Duration::from_secs(30), "the last bucket has no upper bound");
    }
}
