//! Simulations of an installation: gateways, workers and callers in virtual time, over a network that loses, delays and cuts messages, with
//! gateways that end and start again and clocks that differ. Each seed makes another course of events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use platools_bus::memory::{Faults, Network};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::installation::{Database, Installation, Worker, cluster, until};
use crate::domain::error::ErrorKind;
use crate::domain::generation::Generation;
use crate::domain::identity::Policy;
use crate::domain::ids::CallId;
use crate::domain::lock::lock;

/// The gateways of a simulation.
const GATEWAYS: usize = 3;

/// The worker processes, each with its entity and the one tool of it.
const WORKERS: [(&str, &str); 5] = [("one", "a"), ("one", "a"), ("two", "b"), ("pool", "c"), ("pool", "c")];

/// The environment variable with the number of seeds, and the number without it.
const SEEDS: (&str, u64) = ("PLATOOLS_SIMULATION_SEEDS", 60);

/// The virtual time in which faults happen.
const FAULTY: Duration = Duration::from_secs(60);

/// The calls of a simulation.
const CALLS: u64 = 60;

/// The longest time of a call.
const DEADLINE: Duration = Duration::from_secs(60);

/// The runs and ends of calls, by their arguments.
#[derive(Default)]
struct Course {
    /// The number of times that each call ran.
    runs: Mutex<HashMap<u64, usize>>,
    ends: Mutex<HashMap<u64, Result<u64, ErrorKind>>>,
}

/// Simulates the course of a seed, and checks that every call ended, that none ran twice, that none ran whose caller was told that it did not, and
/// that the gateways agree in the end.
async fn simulate(database: &Arc<Database>, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let network = Network::unreliable(seed, Faults::default());
    let installation = Installation::start_on(network, 3, Arc::clone(database)).await;
    for core in installation.cores() {
        // A clock that is up to five minutes ahead.
        let ahead = i64::from(random.u32(..300_000)) << 16;
        core.catalog.observe(Generation::stored(core.links.next_generation().number() + ahead));
    }
    tokio::time::pause();
    let faults = Faults { loss: random.f64() * 0.1, delay: Duration::from_millis(random.u64(..300)) };
    installation.network.set_faults(faults);
    let installation = Arc::new(installation);
    let course = Arc::new(Course::default());
    let workers: Vec<_> = WORKERS
        .iter()
        .enumerate()
        .map(|(number, _)| {
            let process = Process {
                number,
                random: random.fork(),
                installation: Arc::clone(&installation),
                course: Arc::clone(&course),
                outbox: Arc::default(),
            };
            AbortOnDropHandle::new(tokio::spawn(process.live()))
        })
        .collect();
    let callers = TaskTracker::new();
    for argument in 0..CALLS {
        let (installation, course) = (Arc::clone(&installation), Arc::clone(&course));
        let (begin, gateway) = (FAULTY.mul_f64(random.f64()), random.usize(..GATEWAYS));
        let (_, tool) = WORKERS[random.usize(..WORKERS.len())];
        callers.spawn(async move {
            sleep(begin).await;
            let end = installation.call(gateway, tool, argument).await.map_err(|error| error.kind());
            lock(&course.ends).insert(argument, end);
        });
    }
    callers.close();
    break_and_mend(&installation, &mut random).await;
    installation.network.set_faults(Faults::default());
    mend(&installation);
    let began = Instant::now();
    callers.wait().await;
    assert!(began.elapsed() <= DEADLINE + Duration::from_secs(10), "seed {seed}: a call did not end in time");
    check(&course, seed);
    agree(&installation).await;
    drop(workers);
}

/// Cuts and disconnects gateways at random moments, and brings them back.
async fn break_and_mend(installation: &Installation, random: &mut Rng) {
    let (network, end) = (&installation.network, Instant::now() + FAULTY);
    while Instant::now() < end {
        sleep(Duration::from_millis(random.u64(100..8_000))).await;
        let (one, other) = (random.usize(..GATEWAYS), random.usize(..GATEWAYS));
        match random.u8(..8) {
            0..3 => network.cut(installation.member(one), installation.member(other)),
            3 => network.disconnect(installation.member(one)),
            4 => {
                // A start reads the database, which knows no virtual time.
                tokio::time::resume();
                installation.restart(one).await;
                tokio::time::pause();
            }
            _ => mend(installation),
        }
    }
}

/// Ends all cuts.
fn mend(installation: &Installation) {
    installation.network.heal();
    (0..GATEWAYS).for_each(|gateway| installation.network.reconnect(installation.member(gateway)));
}

/// Checks the ends of all calls against what ran.
fn check(course: &Course, seed: u64) {
    let (runs, ends) = (lock(&course.runs), lock(&course.ends));
    assert_eq!(ends.len() as u64, CALLS, "seed {seed}: every call has an end");
    for (argument, end) in ends.iter() {
        let times = runs.get(argument).copied().unwrap_or_default();
        assert!(times <= 1, "seed {seed}: call {argument} ran {times} times and ended with {end:?}");
        match end {
            Ok(result) => {
                assert!(result == argument && times == 1, "seed {seed}: call {argument} has another's result")
            }
            Err(kind) if kind.is_retryable() => {
                assert_eq!(
                    times, 0,
                    "seed {seed}: call {argument} ran, and its caller was told to try again: {kind:?}"
                );
            }
            Err(_) => {}
        }
    }
}

/// Waits until all gateways have the same links, and no call is left anywhere.
async fn agree(installation: &Installation) {
    let links = |gateway: usize| {
        let core = installation.core(gateway);
        let mut links: Vec<_> =
            core.links.list(&installation.caller().project_id).into_iter().map(|w| w.link_id).collect();
        links.sort();
        links
    };
    until(|| {
        let first = links(0);
        let is_quiet = |gateway: usize| {
            let core = installation.core(gateway);
            core.pending.count() == 0 && cluster(&core).members().count() == GATEWAYS
        };
        // Two entities with one live link each, and a pool of two.
        first.len() == 4 && (1..GATEWAYS).all(|gateway| links(gateway) == first) && (0..GATEWAYS).all(is_quiet)
    })
    .await;
}

/// A worker process: it connects to some gateway, answers calls, and connects to another one now and then. Answers that are not confirmed are sent
/// again after a reconnect, as the SDK does.
struct Process {
    number: usize,
    random: Rng,
    installation: Arc<Installation>,
    course: Arc<Course>,
    /// Answers that are not confirmed.
    outbox: Arc<Mutex<HashMap<CallId, u64>>>,
}

impl Process {
    async fn live(mut self) {
        let (entity, tool) = WORKERS[self.number];
        let end = Instant::now() + FAULTY;
        // The second worker of an entity that is no pool takes the place of the first.
        if self.number == 1 {
            sleep(FAULTY / 2).await;
        }
        loop {
            let gateway = self.random.usize(..GATEWAYS);
            let mut worker = self.installation.worker(gateway, entity, &format!("p{}", self.number), tool).await;
            let unconfirmed: Vec<_> = lock(&self.outbox).iter().map(|(id, result)| (id.clone(), *result)).collect();
            for (call_id, result) in unconfirmed {
                self.send(&worker, call_id, result);
            }
            let stay = if Instant::now() < end { self.random.u64(500..20_000) } else { 24 * 60 * 60 * 1000 };
            let is_closed = self.serve(&mut worker, Instant::now() + Duration::from_millis(stay)).await;
            worker.disconnect();
            if is_closed && self.number == 0 && Instant::now() > end - FAULTY / 2 {
                return;
            }
            sleep(Duration::from_millis(self.random.u64(..3_000))).await;
        }
    }

    /// Answers calls until some moment. Returns true if the gateway closed the connection before.
    async fn serve(&mut self, worker: &mut Worker, until: Instant) -> bool {
        let (answers, mut due) = mpsc::unbounded_channel::<(CallId, u64)>();
        let mut closing = worker.closing();
        loop {
            // All arms are cancel-safe.
            tokio::select! {
                biased;
                () = sleep_until(until) => return false,
                _ = closing.wait() => return true,
                Some((call_id, result)) = due.recv() => self.send(worker, call_id, result),
                call = worker.next_call() => {
                    let Some((call_id, argument)) = call else { return true };
                    *lock(&self.course.runs).entry(argument).or_default() += 1;
                    let (answers, outbox) = (answers.clone(), Arc::clone(&self.outbox));
                    let time = Duration::from_millis(self.random.u64(..4_000));
                    tokio::spawn(async move {
                        sleep(time).await;
                        lock(&outbox).insert(call_id.clone(), argument);
                        // After a reconnect the answer goes out with the others.
                        let _ = answers.send((call_id, argument));
                    });
                }
            }
        }
    }

    /// Sends an answer, and forgets it once it is confirmed.
    fn send(&self, worker: &Worker, call_id: CallId, result: u64) {
        let (confirmed, outbox) = (worker.answered(&call_id, result), Arc::clone(&self.outbox));
        tokio::spawn(async move {
            if confirmed.await {
                lock(&outbox).remove(&call_id);
            }
        });
    }
}

/// Simulates the seeds that leave a remainder when they are divided by 2, one after the other.
async fn simulate_seeds(remainder: u64) {
    let count = std::env::var(SEEDS.0).map_or(SEEDS.1, |count| count.parse().expect("the number of seeds is a number"));
    let entities = [("one", Policy::Supersede), ("two", Policy::Supersede), ("pool", Policy::Pool)];
    let database = Database::create(&entities).await;
    // The catalog has all tools before the clock is paused.
    let installation = Installation::start_on(Network::new(), 1, Arc::clone(&database)).await;
    for (entity, tool) in WORKERS {
        drop(installation.worker(0, entity, "first", tool).await);
    }
    for seed in (remainder..count).step_by(2) {
        simulate(&database, seed).await;
        tokio::time::resume();
    }
}

#[tokio::test]
async fn no_call_runs_twice_or_is_stuck_with_even_seeds() {
    simulate_seeds(0).await;
}

#[tokio::test]
async fn no_call_runs_twice_or_is_stuck_with_odd_seeds() {
    simulate_seeds(1).await;
}
