//! Tests of pools with workers that have different tools, or different versions of a tool.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use platools_gateway::Gateway;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Caller, Dial, Worker, dev_gateway, ended, tool, within};

/// A pool, and the admin of its gateway.
struct Pool {
    gateway: Gateway,
    admin: Caller,
    secret: String,
}

impl Pool {
    async fn start() -> Self {
        let gateway = dev_gateway().await;
        let admin = Caller::admin(&gateway);
        let added = admin.post("/v1/entities", json!({"slug": "crew", "policy": "pool"})).await;
        Self { gateway, admin, secret: added.body["secret"].as_str().unwrap().to_owned() }
    }

    async fn worker(&self) -> Worker {
        Dial::to(&self.gateway, "/ws/sdk").secret(&self.secret).welcomed().await
    }

    /// A worker with these tools, and what its registration changed.
    async fn registered(&self, tools: &[Value]) -> (Worker, Value) {
        let mut worker = self.worker().await;
        let changes = register(&mut worker, tools).await;
        (worker, changes)
    }

    async fn shown(&self, tool: &str) -> Value {
        self.admin.get(&format!("/v1/tools/{tool}")).await.body
    }

    /// Waits until the catalog has a tool with this description.
    async fn becomes(&self, tool: &str, description: &str) {
        within(async { while self.shown(tool).await["description"] != description {} }).await;
    }
}

async fn register(worker: &mut Worker, tools: &[Value]) -> Value {
    worker.send(json!({"type": "tool_register", "tools": tools})).await;
    worker.expect("tools_registered").await
}

/// A tool in some version, whose `id` is of some type.
fn version(name: &str, description: &str, id: &str) -> Value {
    let mut declared = tool(name);
    declared["description"] = json!(description);
    declared["input_schema"] = json!({"type": "object", "properties": {"id": {"type": id}}, "required": ["id"]});
    declared
}

/// The calls that each worker got.
#[derive(Clone, Default)]
struct Served(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Served {
    /// Answers every call of a worker, as long as the task is not ended.
    fn by(&self, name: &'static str, mut worker: Worker) -> JoinHandle<()> {
        let served = self.clone();
        served.0.lock().unwrap().insert(name, 0);
        tokio::spawn(async move {
            while let Some(text) = worker.next_text_if_any().await {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] == "tool_call" {
                    *served.0.lock().unwrap().entry(name).or_default() += 1;
                    worker.answer(&frame, json!(name)).await;
                }
            }
        })
    }

    fn of(&self, name: &str) -> usize {
        self.0.lock().unwrap()[name]
    }
}

#[tokio::test]
async fn a_tool_that_only_newer_workers_have_is_called_there_and_older_ones_do_not_prune_it() {
    let pool = Pool::start().await;
    let (old, new) = ([tool("a")], [tool("a"), tool("x")]);
    let (mut first, _) = pool.registered(&old).await;
    let (second, _) = pool.registered(&old).await;
    let (newer, changes) = pool.registered(&new).await;
    assert_eq!((&changes["count"], &changes["new_tools"], &changes["pruned"]), (&json!(2), &json!(1), &json!(0)));

    let changes = register(&mut first, &old).await;
    assert_eq!((&changes["count"], &changes["pruned"]), (&json!(1), &json!(0)), "the newer worker has the other one");
    let (third, changes) = pool.registered(&old).await;
    assert_eq!(changes["pruned"], 0);

    let served = Served::default();
    let _tasks = [("old 1", first), ("old 2", second), ("old 3", third), ("new", newer)]
        .map(|(name, worker)| served.by(name, worker));
    for _ in 0..12 {
        assert_eq!(pool.admin.call("x", json!({})).await.body["result"], "new");
    }
    for _ in 0..60 {
        assert_eq!(pool.admin.call("a", json!({})).await.status, 200);
    }
    assert!(served.of("old 1") + served.of("old 2") + served.of("old 3") > 0, "the others have the rest");
}

#[tokio::test]
async fn the_newest_version_of_a_tool_is_declared_and_called() {
    let pool = Pool::start().await;
    let (old, _) = pool.registered(&[version("a", "old", "string")]).await;
    let (mut new, changes) = pool.registered(&[version("a", "new", "integer")]).await;
    assert_eq!((&changes["new_tools"], &changes["updated"]), (&json!(0), &json!(1)));
    assert_eq!(pool.shown("a").await["description"], "new");

    let served = Served::default();
    let _old = served.by("old", old);
    for _ in 0..12 {
        let call = pool.admin.calling("a", json!({"arguments": {"id": 7}}));
        let frame = new.expect("tool_call").await;
        new.answer(&frame, json!("new")).await;
        assert_eq!(ended(call).await.body["result"], "new");
    }
    pool.admin.call("a", json!({"arguments": {"id": "x"}})).await.is_problem(422, "invalid_arguments", false);

    // Once the newer ones are gone, calls go to those that are there, by their declaration.
    new.leave().await;
    pool.becomes("a", "old").await;
    assert_eq!(pool.admin.call("a", json!({"arguments": {"id": "7"}})).await.body["result"], "old");
    assert_eq!(served.of("old"), 1);
}

#[tokio::test]
async fn a_worker_that_comes_back_brings_no_older_version_back() {
    let pool = Pool::start().await;
    let (old, _) = pool.registered(&[version("a", "old", "string")]).await;
    let (_new, _) = pool.registered(&[version("a", "new", "integer")]).await;
    old.leave().await;
    let (_old, changes) = pool.registered(&[version("a", "old", "string")]).await;
    assert_eq!(changes["updated"], 0);
    assert_eq!(pool.shown("a").await["description"], "new");
}

#[tokio::test]
async fn a_worker_gets_no_calls_before_it_has_registered() {
    let pool = Pool::start().await;
    let _unregistered = pool.worker().await;
    let (worker, _) = pool.registered(&[tool("a")]).await;
    let served = Served::default();
    let _task = served.by("registered", worker);
    for _ in 0..12 {
        assert_eq!(pool.admin.call("a", json!({})).await.body["result"], "registered");
    }
}

#[tokio::test]
async fn calls_spread_over_workers_that_are_idle() {
    let pool = Pool::start().await;
    let (served, mut tasks) = (Served::default(), Vec::new());
    for name in ["1", "2", "3", "4", "5"] {
        tasks.push(served.by(name, pool.registered(&[tool("a")]).await.0));
    }
    for _ in 0..200 {
        assert_eq!(pool.admin.call("a", json!({})).await.status, 200);
    }
    // A worker is left out by chance once in 10^18 runs.
    for name in ["1", "2", "3", "4", "5"] {
        assert!(served.of(name) > 0, "worker {name}");
    }
}

#[tokio::test]
async fn a_worker_that_is_throttled_throttles_no_other_of_its_pool() {
    let pool = Pool::start().await;
    let (mut one, mut other) = (pool.worker().await, pool.worker().await);
    for number in 0..6 {
        register(&mut one, &[tool(&format!("one-{number}"))]).await;
    }
    one.declare(&["one-7"]).await;
    one.expect("register_throttled").await;
    for number in 0..6 {
        register(&mut other, &[tool(&format!("other-{number}"))]).await;
    }
    // Tools that are as they were are not counted, whoever has them.
    register(&mut one, &[tool("one-5")]).await;
    register(&mut one, &[tool("one-5"), tool("other-5")]).await;
}

/// Lets so much time pass for the gateway, which runs in the same runtime.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_tool_goes_with_the_last_worker_that_has_it_after_a_while() {
    let pool = Pool::start().await;
    let (mut stays, _) = pool.registered(&[tool("a")]).await;
    let (mut changes_its_mind, _) = pool.registered(&[tool("a"), tool("x"), tool("y")]).await;
    // A worker that leaves tools out is asked for them no more.
    assert_eq!(register(&mut changes_its_mind, &[tool("a"), tool("x")]).await["pruned"], 1);
    pool.admin.call("y", json!({})).await.is_problem(404, "unknown_tool", false);

    changes_its_mind.leave().await;
    assert_eq!(register(&mut stays, &[tool("a")]).await["pruned"], 0, "the other one may just be restarting");
    assert_eq!(pool.shown("x").await["online"], false);
    assert_eq!(pool.shown("a").await["online"], true);
    pool.admin.call("x", json!({})).await.is_problem(503, "worker_offline", true);
    pass(Duration::from_secs(60)).await;
    // It is gone now, whether the worker registers again or not.
    let admin = Caller::admin(&pool.gateway);
    within(async { while admin.get("/v1/tools/x").await.status != 404 {} }).await;
    assert_eq!(register(&mut stays, &[tool("a")]).await["count"], 1);
}

#[tokio::test]
async fn a_restart_of_the_gateway_prunes_nothing_of_workers_that_are_on_their_way() {
    let pool = Pool::start().await;
    let (old, new) = ([tool("a"), tool("b")], [tool("a"), tool("x")]);
    let workers = [pool.registered(&old).await.0, pool.registered(&new).await.0];
    let Pool { gateway, admin, secret } = pool;
    let stopped = within(gateway.stop()).await;
    drop(workers);
    let gateway = within(stopped.start()).await.unwrap();
    let pool = Pool { admin: admin.moved_to(&gateway.url()), gateway, secret };
    let (_old, changes) = pool.registered(&old).await;
    assert_eq!((&changes["new_tools"], &changes["pruned"]), (&json!(0), &json!(0)));
    assert_eq!(pool.shown("x").await["online"], false);
    let (_new, changes) = pool.registered(&new).await;
    assert_eq!((&changes["new_tools"], &changes["updated"], &changes["pruned"]), (&json!(0), &json!(0), &json!(0)));
    assert_eq!(pool.shown("x").await["online"], true);
}

#[tokio::test]
async fn a_worker_of_its_own_replaces_all_tools_at_once() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).welcomed().await;
    worker.register(&["a", "b"]).await;
    worker.leave().await;
    let mut next = Dial::dev(&gateway).welcomed().await;
    let changes = next.register(&["c"]).await;
    assert_eq!((&changes["new_tools"], &changes["pruned"]), (&json!(1), &json!(2)));
    assert_eq!(Caller::admin(&gateway).tools().await, [("c".to_owned(), true)]);
}

/// Workers that come back after a restart in the test below. `POOL_WORKERS` sets another number, to measure with `--nocapture`.
fn pool_workers() -> usize {
    std::env::var("POOL_WORKERS").map_or(200, |number| number.parse().unwrap())
}

#[tokio::test]
async fn all_workers_of_a_pool_register_after_a_restart_and_none_is_throttled() {
    let tools: Vec<_> = (0..20).map(|number| version(&format!("tool-{number}"), "", "string")).collect();
    let pool = Pool::start().await;
    let (worker, _) = pool.registered(&tools).await;
    let Pool { gateway, admin, secret } = pool;
    let stopped = within(gateway.stop()).await;
    drop(worker);
    let gateway = within(stopped.start()).await.unwrap();
    let (dial, began) = (Dial::to(&gateway, "/ws/sdk").secret(&secret), Instant::now());
    let registering = (0..pool_workers()).map(|_| async {
        let mut worker = dial.clone().welcomed().await;
        let changes = register(&mut worker, &tools).await;
        assert_eq!((&changes["new_tools"], &changes["updated"]), (&json!(0), &json!(0)));
        worker
    });
    let workers = within(join_all(registering)).await;
    println!("{} workers registered {} tools each in {:?}", workers.len(), tools.len(), began.elapsed());
    assert_eq!(gateway.connection_count(), pool_workers());
    assert_eq!(admin.moved_to(&gateway.url()).tools().await[0], ("tool-0".to_owned(), true));
}
