//! Tests that a gateway loses nothing that it acknowledged, when it is stopped or killed while it is busy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::program_process::command;
use crate::running_program::{Running, Runs, numbered, secret, serve};
use crate::support::{Answer, Caller, Dial, ended, tool, within};

const CALL: &str = "/v1/tools/echo/call";

/// Callers at the same time.
const CALLERS: usize = 4;

/// Calls that are answered before the gateway ends.
const BUSY: usize = 60;

/// Answers to calls by their idempotency key; none if the connection ended before.
type Answers = BTreeMap<String, Option<Answer>>;

/// Callers that call as fast as they are answered, each under a key of its own, until the gateway is gone.
struct Load {
    callers: JoinSet<()>,
    answers: Arc<Mutex<Answers>>,
    answered: watch::Receiver<usize>,
}

impl Load {
    fn start(caller: &Caller, round: usize) -> Self {
        let answers = Arc::<Mutex<Answers>>::default();
        let (count, answered) = watch::channel(0);
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (caller, answers, count) = (caller.clone(), Arc::clone(&answers), count.clone());
            callers.spawn(async move {
                for turn in 0.. {
                    let key = format!("{round}-{number}-{turn}");
                    let answer = caller.try_named(CALL, &key, &numbered(&key)).await;
                    let is_last = answer.as_ref().is_none_or(|answer| answer.status != 200);
                    answers.lock().unwrap().insert(key, answer);
                    if is_last {
                        return;
                    }
                    count.send_modify(|count| *count += 1);
                }
            });
        }
        Self { callers, answers, answered }
    }

    /// Waits until the gateway is busy.
    async fn busy(&mut self) {
        within(self.answered.wait_for(|answered| *answered >= BUSY)).await.unwrap();
    }

    /// Answers to all calls after the end of the gateway.
    async fn ended(mut self) -> Answers {
        while let Some(ended) = within(self.callers.join_next()).await {
            ended.unwrap();
        }
        std::mem::take(&mut self.answers.lock().unwrap())
    }
}

fn is_ok(answer: &Answer) -> bool {
    answer.status == 200
}

/// Asks for every answer again. What was answered is answered alike, and nothing is run a second time.
async fn answered_alike(caller: &Caller, answers: &Answers, runs: &Runs) {
    for (key, answer) in answers {
        let again = caller.try_named(CALL, key, &numbered(key)).await.unwrap();
        match answer {
            Some(answer) if is_ok(answer) => assert_eq!((again.status, &again.body), (200, &answer.body), "{key}"),
            // It may have been answered without anybody hearing of it, or never have arrived.
            _ if is_ok(&again) => assert_eq!(again.body["result"], **key),
            _ => again.is_problem(503, "interrupted", false),
        }
        let times = runs.lock().unwrap().get(&json!(key).to_string()).copied().unwrap_or(0);
        assert!(times <= 1 && (times == 1 || !is_ok(&again)), "{key} ran {times} times: {again:?}");
    }
}

/// Changes of an admin that the gateway has acknowledged.
#[derive(Default)]
struct Changes {
    entities: Vec<String>,
    /// The secret of each entity whose rotation was not under way when the gateway ended.
    secrets: BTreeMap<String, String>,
    agents: Vec<String>,
    environments: Vec<String>,
    keys: Vec<String>,
    /// Tools by name, and whether they were switched off for sure.
    tools: BTreeMap<String, bool>,
}

/// An acknowledged answer; `None` where the gateway has ended.
fn acknowledged(answer: Option<Answer>) -> Option<Answer> {
    answer.filter(|answer| (200..300).contains(&answer.status))
}

impl Changes {
    /// Makes changes under names that begin so, until the gateway is gone.
    async fn make(&mut self, gateway: &Caller, url: &str, round: usize) {
        let mut turn = 0;
        while self.make_some(gateway, url, &format!("r{round}-{turn}")).await.is_some() {
            turn += 1;
        }
    }

    async fn make_some(&mut self, admin: &Caller, url: &str, name: &str) -> Option<()> {
        let change = async |path: &str, body: Value| acknowledged(admin.try_send("POST", path, &body).await);
        let first = secret(&change("/v1/entities", json!({"slug": name})).await?);
        self.entities.push(name.to_owned());
        self.register(url, &first, name).await?;
        self.secrets.insert(name.to_owned(), first);
        let off = admin.try_send("PATCH", &format!("/v1/tools/{name}"), &json!({"enabled": false})).await;
        acknowledged(off)?;
        self.tools.insert(name.to_owned(), true);
        change("/v1/agents", json!({"slug": name})).await?;
        self.agents.push(name.to_owned());
        change("/v1/environments", json!({"slug": name})).await?;
        self.environments.push(name.to_owned());
        self.keys.push(secret(&change("/v1/keys", json!({"role": "viewer", "agentId": name})).await?));
        // Until it is acknowledged either secret may be the good one.
        self.secrets.remove(name);
        let second = secret(&change(&format!("/v1/entities/{name}/rotate"), json!({})).await?);
        self.secrets.insert(name.to_owned(), second);
        Some(())
    }

    /// Registers a tool of that name.
    async fn register(&mut self, url: &str, secret: &str, name: &str) -> Option<()> {
        let dial = Dial::at(&url.replace("http://", "ws://"), "/ws/sdk").secret(secret);
        let mut worker = dial.try_open().await.ok()?;
        let frame = json!({"type": "tool_register", "tools": [tool(name)]});
        worker.try_send(&frame).await.ok()?;
        loop {
            let frame: Value = serde_json::from_str(&within(worker.next_text_if_any()).await?).unwrap();
            if frame["type"] == "tools_registered" {
                self.tools.insert(name.to_owned(), false);
                return Some(());
            }
        }
    }

    async fn are_there(&self, gateway: &Running) {
        let admin = gateway.admin();
        for (path, names) in
            [("entities", &self.entities), ("agents", &self.agents), ("environments", &self.environments)]
        {
            let listing = admin.get(&format!("/v1/{path}?limit=1000")).await;
            for name in names {
                let is_there = listing.body["items"].as_array().unwrap().iter().any(|item| item["slug"] == **name);
                assert!(is_there, "{name} is not among the {path}: {listing:?}");
            }
        }
        let listing = admin.get("/v1/tools").await;
        for (name, is_off) in &self.tools {
            let tool = listing.body["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == **name);
            let tool = tool.unwrap_or_else(|| panic!("{name} is gone: {listing:?}"));
            assert!(!is_off || tool["enabled"] == false, "{tool}");
        }
        for key in &self.keys {
            assert_eq!(Caller::at(&gateway.program.url).key(key).get("/v1/tools").await.status, 200);
        }
        for (name, secret) in &self.secrets {
            gateway.worker(secret, &[name.as_str()]).await.settle().await;
        }
    }
}

/// A call that was answered is in the journal after a stop in order, and its key has its answer: the stop waits for both. A
/// call that was under way when the gateway was told to stop is among them.
#[tokio::test]
async fn a_gateway_that_is_told_to_stop_while_it_is_busy_loses_nothing() {
    let gateway = Running::start(command).await;
    let (admin, runs) = (gateway.admin(), Runs::default());
    let secret = gateway.entity("orders").await;
    serve(gateway.worker(&secret, &["echo", "off"]).await, &runs);
    assert_eq!(admin.send("PATCH", "/v1/tools/off", r#"{"enabled":false}"#).await.status, 200);
    let dial = gateway.program.dial(&gateway.entity("slow").await);
    let mut slow = dial.header("platools-features", "drain").welcomed().await;
    slow.register(&["slow"]).await;
    let under_way = admin.calling("slow", json!({}));
    let call = slow.expect("tool_call").await;
    let mut load = Load::start(&admin, 0);
    load.busy().await;

    gateway.program.signal("-TERM").await;
    slow.expect("drain").await;
    slow.answer(&call, json!("finished")).await;
    let under_way = ended(under_way).await;
    assert_eq!((under_way.status, &under_way.body["result"]), (200, &json!("finished")));
    let answers = load.ended().await;
    for refused in answers.values().flatten().filter(|answer| !is_ok(answer)) {
        let is_known = refused.body["retryable"] == true || refused.body["code"] == "interrupted";
        assert!(is_known, "{refused:?}");
    }

    let gateway = gateway.ended().await;
    let admin = gateway.admin();
    let journal = gateway.journal().await;
    for answer in answers.values().flatten().filter(|answer| is_ok(answer)).chain([&under_way]) {
        let call_id = answer.body["callId"].as_str().unwrap();
        assert_eq!(journal.get(call_id).map(String::as_str), Some("ok"), "{answer:?}");
    }
    let mut tools = admin.tools().await;
    tools.sort();
    assert_eq!(tools, ["echo", "off", "slow"].map(|name| (name.to_owned(), false)));
    admin.call("off", json!({})).await.is_problem(403, "tool_disabled", false);
    serve(gateway.worker(&secret, &["echo", "off"]).await, &runs);
    answered_alike(&admin, &answers, &runs).await;
}

/// A kill takes the calls that the journal was about to write, up to 200 ms of them; everything else that was acknowledged is
/// there: what was listed, registered, changed, and answered under a key.
#[tokio::test]
async fn a_gateway_that_is_killed_while_it_is_busy_loses_nothing_it_acknowledged_for_good() {
    let mut gateway = Running::start(command).await;
    let (runs, mut changes) = (Runs::default(), Changes::default());
    let (mut answers, mut listed) = (Answers::new(), BTreeMap::new());
    let secret = gateway.entity("orders").await;
    for round in 0..3 {
        let (admin, url) = (gateway.admin(), gateway.program.url.clone());
        serve(gateway.worker(&secret, &["echo"]).await, &runs);
        let mut load = Load::start(&admin, round);
        let kill = async {
            load.busy().await;
            listed.extend(gateway.journal().await);
            gateway.program.signal("-KILL").await;
        };
        tokio::join!(kill, changes.make(&admin, &url, round));
        answers.extend(load.ended().await);

        gateway = gateway.ended().await;
        let journal = gateway.journal().await;
        for (call_id, outcome) in &listed {
            assert_eq!(journal.get(call_id), Some(outcome), "{call_id}");
        }
        changes.are_there(&gateway).await;
        serve(gateway.worker(&secret, &["echo"]).await, &runs);
        answered_alike(&gateway.admin(), &answers, &runs).await;
    }
    assert!(listed.len() >= 3 && !changes.keys.is_empty(), "there was something to lose");
}
