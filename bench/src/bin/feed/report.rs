//! [`report()`]: prints the figures of one run of the load test, and returns the rules that the run broke. `main.rs` lists the rules.

use std::time::Duration;

use crate::Load;
use crate::dashboards::Seen;

/// The gateway's default.
const TICK: Duration = Duration::from_millis(100);

/// How much larger the gateway may be at the end than after a third of the time: what an allocator keeps varies.
const GROWTH: f64 = 1.15;

/// What was measured.
pub struct Measured {
    /// The updates of all keys.
    pub published: u64,
    pub took: Duration,
    pub seen: Vec<Seen>,
    /// Bytes of the gateway, each second.
    pub memory: Vec<u64>,
    /// Seconds of the gateway's processor time.
    pub cpu: f64,
}

/// Prints the figures, and returns what is wrong with them.
pub fn report(load: &Load, measured: &Measured) -> Vec<String> {
    let Measured { published, took, seen, memory, cpu } = measured;
    let sum = |what: fn(&Seen) -> u64| seen.iter().map(what).sum::<u64>();
    let (batches, values, bytes) = (sum(|seen| seen.batches), sum(|seen| seen.values), sum(|seen| seen.bytes));
    let seconds = took.as_secs_f64();
    // Those that have a dashboard to go to.
    let all = *published * load.watched() * load.agents as u64 / load.keys;
    println!("agents                {}, each with {} of {} keys", load.agents, load.watched(), load.keys);
    println!("updates               {:.0}/s", *published as f64 / seconds);
    println!("for dashboards        {all} in {seconds:.1} s, {:.0}/s", all as f64 / seconds);
    println!("received              {values} values in {batches} messages, {:.0} messages/s", batches as f64 / seconds);
    println!("replaced by later     {}", all.saturating_sub(values));
    println!("traffic               {:.1} MiB/s", bytes as f64 / seconds / 1024.0 / 1024.0);
    println!("delay, ms             p50 {}, p99 {}, longest {}", delay(seen, 0.5), delay(seen, 0.99), delay(seen, 1.0));
    println!("gateway's processor   {cpu:.1} s, {:.0} % of a core", cpu / seconds * 100.0);
    let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    let (settled, end) = (memory.get(memory.len() / 3).copied().unwrap_or(0), memory.last().copied().unwrap_or(0));
    println!("gateway's memory      {:.1} MiB after a third of the time, {:.1} MiB at the end", mib(settled), mib(end));

    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    let lost = seen.iter().filter(|seen| !seen.has_all(*published, load.keys)).count();
    check(seen.len() == load.agents, format!("only {} dashboards of {}", seen.len(), load.agents));
    check(lost == 0, format!("{lost} dashboards do not have every last value"));
    check(
        sum(|seen| seen.wrong) == 0,
        format!("{} values were old, came twice or to somebody else", sum(|seen| seen.wrong)),
    );
    check(sum(|seen| seen.snapshots) == 0, format!("{} snapshots were made again", sum(|seen| seen.snapshots)));
    // The time until the last values are there is a tick at most, and the first tick begins anywhere.
    let most = (took.as_millis() / TICK.as_millis()) as u64 + 2;
    let busiest = seen.iter().map(|seen| seen.batches).max().unwrap_or(0);
    check(busiest <= most, format!("a dashboard got {busiest} batches, and there were {most} ticks"));
    check(end as f64 <= settled as f64 * GROWTH, "the gateway's memory grew".to_owned());
    problems
}

/// How long values took, up to that share of them.
fn delay(seen: &[Seen], share: f64) -> usize {
    let slots = seen.iter().map(|seen| seen.delays.len()).max().unwrap_or(0);
    let count = |slot: usize| seen.iter().filter_map(|seen| seen.delays.get(slot)).sum::<u64>();
    let all: u64 = (0..slots).map(count).sum();
    let mut so_far = 0;
    (0..slots)
        .find(|slot| {
            so_far += count(*slot);
            so_far > 0 && so_far as f64 >= all as f64 * share
        })
        .unwrap_or(0)
}
