//! Tests that every call gets its result and none runs twice, however the connection breaks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use platools::{Context, ToolRegistry, tool, tools};
use platools_tests::{Link, Platform, Wire, Worker, client, within};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

/// Number of executions of each call, by its id.
type Executions = Arc<Mutex<HashMap<String, u32>>>;

fn executed(executions: &Executions, call_id: &str) -> u32 {
    executions.lock().expect("nobody panics with it").get(call_id).copied().unwrap_or(0)
}

fn execute(executions: &Executions, ctx: &Context) {
    *executions.lock().expect("nobody panics with it").entry(ctx.call_id().to_owned()).or_default() += 1;
}

/// Return so many letters.
#[tool]
async fn letters(count: usize, executions: &Executions, ctx: &Context) -> String {
    execute(executions, ctx);
    "x".repeat(count)
}

/// Wait for the test's word, then return the number.
#[tool]
async fn wait(number: u64, go: &Semaphore, executions: &Executions, ctx: &Context) -> u64 {
    execute(executions, ctx);
    let _permit = go.acquire().await.expect("it is never closed");
    number
}

/// Platform, worker and counts of a test.
struct Setup {
    platform: Platform,
    worker: Worker,
    go: Arc<Semaphore>,
    executions: Executions,
}

impl Setup {
    async fn start() -> Self {
        let (platform, go, executions) = (Platform::start().await, Arc::new(Semaphore::new(0)), Executions::default());
        let registry = ToolRegistry::new().with_shared_state(Arc::clone(&go)).with_state(Arc::clone(&executions));
        let registry = registry.with_tools(tools![letters, wait]).expect("valid tools");
        // With so little room for what is unconfirmed, a heartbeat follows each reply at once.
        let worker = Worker::start(client(&platform.url(), &registry).max_unconfirmed_bytes(1));
        Self { platform, worker, go, executions }
    }
}

#[tokio::test]
async fn a_result_made_while_disconnected_arrives_on_the_next_socket() {
    let Setup { platform, worker, go, executions } = Setup::start().await;
    let mut link = platform.accept_worker().await;
    link.call("c", "wait", json!({"number": 7})).await;
    link.call("marker", "letters", json!({"count": 1})).await;
    assert_eq!(link.result("marker").await, "x", "so the call before it has been taken on");
    link.acknowledge().await;
    let port = platform.stop();
    link.kill();
    worker
        .reaches(|state| matches!(state, platools::connection::ConnectionState::Reconnecting { attempt: 3.., .. }))
        .await;
    go.add_permits(1);
    // The permit comes back when the handler has ended.
    drop(within(go.acquire()).await.expect("it is never closed"));
    let mut link = port.restart().accept_worker().await;
    assert_eq!(link.result("c").await, 7);
    assert_eq!(executed(&executions, "c"), 1);
}

#[tokio::test]
async fn a_call_that_outlives_its_socket_is_answered_on_the_next_one() {
    let Setup { platform, worker: _worker, go, executions } = Setup::start().await;
    let mut link = platform.accept_worker().await;
    link.call("c", "wait", json!({"number": 7})).await;
    link.call("marker", "letters", json!({"count": 1})).await;
    link.result("marker").await;
    link.acknowledge().await;
    link.kill();
    let mut link = platform.accept_worker().await;
    link.call("c", "wait", json!({"number": 7})).await;
    go.add_permits(1);
    assert_eq!(link.result("c").await, 7);
    assert_eq!(executed(&executions, "c"), 1, "the second call was known by its id");
}

#[tokio::test]
async fn an_unconfirmed_result_is_sent_again_and_a_confirmed_one_is_not() {
    let Setup { platform, worker: _worker, executions, .. } = Setup::start().await;
    let mut link = platform.accept_worker().await;
    link.call("confirmed", "letters", json!({"count": 1})).await;
    link.result("confirmed").await;
    link.acknowledge().await;
    link.call("unconfirmed", "letters", json!({"count": 2})).await;
    link.result("unconfirmed").await;
    link.expect("heartbeat").await;
    link.kill();
    let mut link = platform.accept_worker().await;
    assert_eq!(link.result("unconfirmed").await, "xx");
    link.acknowledge().await;
    link.call("next", "letters", json!({"count": 3})).await;
    assert_eq!(link.result("next").await, "xxx", "and nothing in between");
    link.kill();
    let mut link = platform.accept_worker().await;
    assert_eq!(link.result("next").await, "xxx", "only what nobody confirmed");
    assert_eq!(["confirmed", "unconfirmed", "next"].map(|call_id| executed(&executions, call_id)), [1, 1, 1]);
}

#[tokio::test]
async fn half_a_call_is_not_executed_and_the_whole_one_is() {
    for reset in [false, true] {
        let Setup { platform, worker: _worker, executions, .. } = Setup::start().await;
        let mut link = platform.accept_worker().await;
        let call = json!({"type": "tool_call", "call_id": "c", "tool_name": "letters", "params": {"count": 3}});
        // The frame's two bytes of head, and half of what it says.
        link.cut().after_writing(2 + call.to_string().len() / 2);
        link.try_send(call.to_string()).await.expect_err("it is cut in the middle");
        if reset {
            link.kill()
        } else {
            drop(link)
        }
        let mut link = platform.accept_worker().await;
        assert_eq!(executed(&executions, "c"), 0);
        link.send(call).await;
        assert_eq!(link.result("c").await, "xxx");
        assert_eq!(executed(&executions, "c"), 1);
    }
}

#[tokio::test]
async fn a_result_of_which_half_arrived_is_sent_again_whole() {
    for reset in [false, true] {
        let Setup { platform, worker: _worker, executions, .. } = Setup::start().await;
        let mut link = platform.accept_worker().await;
        link.cut().after_reading(500_000);
        link.call("c", "letters", json!({"count": 1_000_000})).await;
        assert_eq!(link.try_next().await, None, "it is cut in the middle");
        if reset {
            link.kill()
        } else {
            drop(link)
        }
        let mut link = platform.accept_worker().await;
        assert_eq!(link.result("c").await.as_str().map(str::len), Some(1_000_000));
        assert_eq!(executed(&executions, "c"), 1);
    }
}

/// Return as many letters as the number says, at once, after some time, or only on a later socket.
#[tool]
async fn work(
    number: usize,
    pace: String,
    sockets: &watch::Receiver<u32>,
    executions: &Executions,
    ctx: &Context,
) -> String {
    execute(executions, ctx);
    match pace.as_str() {
        "yielding" => tokio::task::yield_now().await,
        "later" => {
            let mut sockets = sockets.clone();
            sockets.mark_unchanged();
            // An error says that there will be no further socket.
            let _ = within(sockets.changed()).await;
        }
        _ => {}
    }
    answer(number)
}

/// The same on a thread.
#[tool]
fn work_blocking(number: usize, executions: &Executions, ctx: &Context) -> String {
    execute(executions, ctx);
    answer(number)
}

/// The same on the link's own task.
#[tool(inline)]
fn work_inline(number: usize, executions: &Executions, ctx: &Context) -> String {
    execute(executions, ctx);
    answer(number)
}

fn answer(number: usize) -> String {
    format!("{number}:{}", "x".repeat(number * 37 % 1_500))
}

/// Calls that the platform has open at a time.
const WINDOW: usize = 16;

/// More than the answers of a whole window, of which none is confirmed, and little enough that heartbeats ask for
/// confirmation every few dozen answers.
const MAX_UNCONFIRMED: usize = 64 * 1024;

/// A platform that sends each call until it has an answer, over however many sockets that takes.
struct Caller {
    random: fastrand::Rng,
    /// Frames without an answer, by number.
    open: BTreeMap<usize, Value>,
    /// The calls that end only on a later socket.
    later: BTreeSet<usize>,
    next: usize,
    answers: HashMap<usize, Value>,
    /// Number of repeated answers.
    repeats: usize,
}

impl Caller {
    fn call(&mut self) -> Value {
        let number = self.next;
        self.next += 1;
        let later = self.later.len() < WINDOW / 4 && self.random.u8(..8) == 0;
        if later {
            self.later.insert(number);
        }
        let (tool, params) = match self.random.u8(..4) {
            _ if later => ("work", json!({"number": number, "pace": "later"})),
            0 => ("work", json!({"number": number, "pace": "yielding"})),
            1 => ("work", json!({"number": number, "pace": "at once"})),
            2 => ("work_blocking", json!({"number": number})),
            _ => ("work_inline", json!({"number": number})),
        };
        let frame = json!({"type": "tool_call", "call_id": number.to_string(), "tool_name": tool, "params": params});
        self.open.insert(number, frame.clone());
        frame
    }

    fn answered(&mut self, frame: &Value) {
        assert_eq!(frame["type"], "tool_result", "{frame}");
        let number: usize = frame["call_id"].as_str().expect("an id").parse().expect("one of ours");
        self.open.remove(&number);
        self.later.remove(&number);
        match self.answers.insert(number, frame["result"].clone()) {
            Some(earlier) => {
                assert_eq!(earlier, frame["result"], "a repeated answer is the same answer");
                self.repeats += 1;
            }
            None => assert_eq!(frame["result"], answer(number)),
        }
    }

    /// Serves one socket until it is cut: after so many answers that were not there yet, at a random byte of either
    /// direction. `None` cuts nothing and ends with the last answer.
    async fn serve(&mut self, wire: Wire, cut_after: Option<usize>) -> Option<()> {
        let cut = wire.cut();
        let mut link = Link::upgrade(wire, cut).await.ok()?;
        link.try_send(json!({"type": "welcome", "sdk_connection_id": "c"}).to_string()).await.ok()?;
        for frame in self.open.values() {
            link.try_send(frame.to_string()).await.ok()?;
        }
        let goal = cut_after.map(|answers| self.answers.len() + answers);
        let mut cutting = false;
        loop {
            if !cutting && goal.is_some_and(|goal| self.answers.len() >= goal) {
                self.cut(&link);
                cutting = true;
            }
            while cut_after.is_some() && self.open.len() < WINDOW {
                link.try_send(self.call().to_string()).await.ok()?;
            }
            if self.open.is_empty() {
                return Some(());
            }
            let frame = link.try_next().await?;
            match frame["type"].as_str() {
                Some("tool_register") => {}
                Some("heartbeat") => link.try_send(json!({"type": "heartbeat_ack"}).to_string()).await.ok()?,
                _ => self.answered(&frame),
            }
        }
    }

    fn cut(&mut self, link: &Link) {
        let (bytes, cut) = (self.random.usize(..600), link.cut());
        if self.random.bool() {
            cut.after_reading(bytes);
        } else {
            cut.after_writing(bytes);
        }
        if self.random.bool() {
            cut.with_reset();
        }
    }
}

/// Every call gets its one result while the connection is cut a hundred times.
async fn survives_a_hundred_cuts(seed: u64) {
    const CUTS: u32 = 100;
    println!("the seed is {seed}");
    let (platform, executions) = (Platform::start().await, Executions::default());
    let sockets = watch::Sender::new(0_u32);
    let registry = ToolRegistry::new().with_state(Arc::clone(&executions)).with_state(sockets.subscribe());
    let registry = registry.with_tools(tools![work, work_blocking, work_inline]).expect("valid tools");
    let worker = Worker::start(client(&platform.url(), &registry).max_unconfirmed_bytes(MAX_UNCONFIRMED));
    let mut caller = Caller {
        random: fastrand::Rng::with_seed(seed),
        open: BTreeMap::new(),
        later: BTreeSet::new(),
        next: 0,
        answers: HashMap::new(),
        repeats: 0,
    };
    for _ in 0..CUTS {
        let wire = platform.accept_tcp().await;
        sockets.send_modify(|count| *count += 1);
        let goal = caller.random.usize(..12);
        if caller.random.u8(..10) == 0 {
            // In the middle of the upgrade, or of the first frames.
            let bytes = caller.random.usize(..300);
            wire.cut().after_writing(bytes);
        }
        assert_eq!(within(caller.serve(wire, Some(goal))).await, None, "the socket was cut");
    }
    let wire = platform.accept_tcp().await;
    sockets.send_modify(|count| *count += 1);
    // What waits for a later socket has none to wait for any more.
    drop(sockets);
    within(caller.serve(wire, None)).await.expect("nobody cuts the last socket");
    within(worker.handle().stop()).await;

    assert_eq!(caller.answers.len(), caller.next, "every call has its answer");
    assert!(caller.next > usize::try_from(CUTS).expect("it fits"), "there was something to lose");
    assert!(caller.repeats > 0, "answers in doubt were sent again");
    let executions = executions.lock().expect("nobody panics with it");
    assert_eq!(executions.len(), caller.next, "every call was executed");
    let twice: Vec<_> = executions.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "no call was executed twice: {twice:?}");
}

#[tokio::test]
async fn no_result_is_lost_and_no_call_executed_twice_over_a_hundred_cut_connections() {
    survives_a_hundred_cuts(fastrand::u64(..)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_result_is_lost_and_no_call_executed_twice_when_tasks_run_in_parallel() {
    survives_a_hundred_cuts(fastrand::u64(..)).await;
}
