//! Tests of the SDK's worker on this project's gateway, beyond plain calls. `lifecycle.rs` tests how workers connect and leave.

use std::process::Stdio;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use platools::client::{Event, PlatoolsClientBuilder, Signatures};
use platools::connection::{ConnectionState, Disconnect, OnRefusal};
use platools::{Context, ErrorKind, ToolRegistry, tool, tools};
use platools_gateway::{Gateway, dev};
use platools_tests::{Caller, Platform, Relay, Worker, client, quick, with_causes, within};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, mpsc};

/// Messages of the tools to the test: an event, and the id of its call.
type Diary = mpsc::UnboundedSender<(&'static str, String)>;

/// Say how far it is, and wait for the test's word before the end.
#[tool]
async fn report(go: &Semaphore, ctx: &Context) -> &'static str {
    ctx.progress(1.0).total(2.0).message("half of it").send();
    go.acquire().await.expect("it is never closed").forget();
    "all of it"
}

/// Wait until nobody wants the answer.
#[tool]
async fn wait_for_cancellation(diary: &Diary, ctx: &Context) {
    let write = |what| diary.send((what, ctx.call_id().to_owned())).expect("the test reads it");
    write("begun");
    ctx.cancelled().await;
    write("cancelled");
}

/// Wait for the test's word, then return the number.
#[tool]
async fn wait(number: u64, go: &Semaphore, diary: &Diary, ctx: &Context) -> u64 {
    diary.send(("begun", ctx.call_id().to_owned())).expect("the test reads it");
    go.acquire().await.expect("it is never closed").forget();
    number
}

/// Give the number back.
#[tool]
async fn echo(number: u64) -> u64 {
    number
}

/// Panic.
#[tool]
async fn panics() {
    panic!("on purpose")
}

/// Say who calls, as far as the platform said it.
#[tool(auth = "user", roles = ["support"])]
async fn who_calls(ctx: &Context) -> Value {
    let scope = ctx.scope();
    json!({
        "user": ctx.user_id(), "agent": ctx.agent_id(), "entity": ctx.entity_id(), "call": ctx.call_id(),
        "organization": scope.organization_id(), "project": scope.project_id(), "environment": scope.environment_id(),
        "context": ctx.context(),
    })
}

/// A gateway, a worker that it knows, and what its tools tell and wait for.
struct Setup {
    gateway: Gateway,
    worker: Worker,
    events: BoxStream<'static, Event>,
    go: Arc<Semaphore>,
    diary: mpsc::UnboundedReceiver<(&'static str, String)>,
}

impl Setup {
    async fn start() -> Self {
        Self::with(|client| client).await
    }

    async fn with(change: impl FnOnce(PlatoolsClientBuilder) -> PlatoolsClientBuilder) -> Self {
        let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("a gateway");
        let url = gateway.url();
        let mut setup = Self::at(gateway, &url, change);
        setup.registered().await;
        setup
    }

    /// With a worker that dials `url`.
    fn at(gateway: Gateway, url: &str, change: impl FnOnce(PlatoolsClientBuilder) -> PlatoolsClientBuilder) -> Self {
        let (go, (sender, diary)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
        let registry = ToolRegistry::new().with_shared_state(Arc::clone(&go)).with_state::<Diary>(sender);
        let tools = tools![report, wait_for_cancellation, wait, echo, panics, who_calls];
        let registry = registry.with_tools(tools).expect("valid tools");
        let worker = Worker::start(change(client(url, &registry).secret(dev::SECRET)));
        let events = worker.handle().events();
        Self { gateway, worker, events, go, diary }
    }

    /// Waits until the gateway has the tools.
    async fn registered(&mut self) {
        while !matches!(self.event().await, Event::Registered(_)) {}
    }

    async fn event(&mut self) -> Event {
        within(self.events.next()).await.expect("the client lives")
    }

    /// The next entry of the diary, which must be that; returns the call.
    async fn reads(&mut self, what: &str) -> String {
        let (entry, call_id) = within(self.diary.recv()).await.expect("the worker lives");
        assert_eq!(entry, what, "{call_id}");
        call_id
    }

    fn admin(&self) -> Caller {
        Caller::new(self.gateway.url(), dev::ADMIN_KEY)
    }
}

#[tokio::test]
async fn a_tools_progress_reaches_a_caller_that_streams() {
    let setup = Setup::start().await;
    let mut events = setup.admin().stream("report", json!({})).await;
    let progress = json!({"progress": 1.0, "total": 2.0, "message": "half of it"});
    assert_eq!(events.next().await, ("progress".to_owned(), progress));
    setup.go.add_permits(1);
    let (name, data) = events.next().await;
    assert_eq!((name.as_str(), &data["result"]), ("result", &json!("all of it")));
}

#[tokio::test]
async fn a_tool_hears_that_its_call_was_cancelled() {
    let mut setup = Setup::start().await;
    let call = setup.admin().calling("wait_for_cancellation", json!({}));
    let call_id = setup.reads("begun").await;
    assert_eq!(setup.admin().cancel(&call_id).await, 204);
    assert_eq!(setup.reads("cancelled").await, call_id);
    within(call).await.expect("no panic").is_problem(409, "cancelled");
}

#[tokio::test]
async fn a_tool_hears_that_its_caller_went_away() {
    let mut setup = Setup::start().await;
    let call = setup.admin().calling("wait_for_cancellation", json!({}));
    let call_id = setup.reads("begun").await;
    call.abort();
    assert_eq!(setup.reads("cancelled").await, call_id);
    let ended = setup.admin().get(&format!("/v1/calls/{call_id}")).await;
    assert_eq!(ended.body["outcome"], "abandoned", "{ended:?}");
}

#[tokio::test]
async fn a_tool_hears_that_its_time_is_up() {
    let mut setup = Setup::start().await;
    let answer = setup.admin().call_within(1000, "wait_for_cancellation", json!({})).await;
    answer.is_problem(504, "timeout");
    let call_id = setup.reads("begun").await;
    assert_eq!(answer.body["callId"], *call_id);
    assert_eq!(setup.reads("cancelled").await, call_id);
}

#[tokio::test]
async fn only_a_result_that_the_gateway_did_not_confirm_is_sent_again() {
    let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("a gateway");
    let (platform, url) = (Platform::start().await, gateway.url());
    let mut setup = Setup::at(gateway, &platform.url(), |client| client);
    let mut relay = Relay::accept(&platform, &url).await;
    relay.with_gateways("tools_registered").await;
    setup.go.add_permits(2);

    let confirmed = setup.admin().calling("wait", json!({"number": 1}));
    relay.with_gateways("result_ack").await;
    assert_eq!(within(confirmed).await.expect("no panic").result(), 1);
    let lost = setup.admin().calling("wait", json!({"number": 2}));
    let result = relay.up_to_workers(&["tool_result"]).await;
    assert_eq!(result["result"], 2);
    relay.kill();

    let mut relay = Relay::accept(&platform, &url).await;
    let again = relay.up_to_workers(&["tool_result", "tool_error"]).await;
    assert_eq!((&again["call_id"], &again["result"]), (&result["call_id"], &json!(2)), "and not the first one");
    relay.to_gateway(&again).await;
    assert_eq!(relay.with_gateways("result_ack").await["call_ids"], json!([result["call_id"]]));
    assert_eq!(within(lost).await.expect("no panic").result(), 2);
    for _ in 0..2 {
        setup.reads("begun").await;
    }
    assert!(setup.diary.try_recv().is_err(), "each ran once");
}

#[tokio::test]
async fn a_result_whose_confirmation_was_lost_is_sent_again_and_counts_once() {
    let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("a gateway");
    let (platform, url) = (Platform::start().await, gateway.url());
    let setup = Setup::at(gateway, &platform.url(), |client| client);
    let mut relay = Relay::accept(&platform, &url).await;
    relay.with_gateways("tools_registered").await;
    setup.go.add_permits(1);
    let call = setup.admin().calling("wait", json!({"number": 1}));
    let result = relay.up_to_workers(&["tool_result"]).await;
    relay.to_gateway(&result).await;
    let answer = within(call).await.expect("no panic");
    assert_eq!(answer.body["result"], 1);
    relay.kill();

    let mut relay = Relay::accept(&platform, &url).await;
    let again = relay.up_to_workers(&["tool_result"]).await;
    assert_eq!(again, result);
    relay.to_gateway(&again).await;
    assert_eq!(relay.with_gateways("result_ack").await["call_ids"], json!([result["call_id"]]));
    let listed = setup.admin().get("/v1/calls").await;
    let items = listed.body["items"].as_array().expect("a list");
    assert_eq!((items.len(), &items[0]["callId"]), (1, &answer.body["callId"]), "{listed:?}");
}

#[tokio::test]
async fn a_gateway_that_stops_answers_its_calls_and_has_the_worker_again_when_it_is_back() {
    let mut setup = Setup::start().await;
    let call = setup.admin().calling("wait", json!({"number": 7}));
    setup.reads("begun").await;
    let stopping = tokio::spawn(setup.gateway.stop());
    // The worker is told, and looks for another gateway, while the call goes on.
    setup.go.add_permits(1);
    assert_eq!(within(call).await.expect("no panic").result(), 7);
    let stopped = within(stopping).await.expect("no panic");
    setup.gateway = within(stopped.start()).await.expect("the port is free again");
    setup.registered().await;
    setup.go.add_permits(1);
    assert_eq!(setup.admin().call("wait", json!({"number": 8})).await.result(), 8);
    let before = setup.admin().get("/v1/calls?outcome=ok").await;
    assert_eq!(before.body["items"].as_array().map(Vec::len), Some(2), "{before:?}");
}

#[tokio::test]
async fn a_worker_that_stops_answers_its_calls_first() {
    let mut setup = Setup::start().await;
    let call = setup.admin().calling("wait", json!({"number": 7}));
    setup.reads("begun").await;
    let handle = setup.worker.handle().clone();
    let stopping = tokio::spawn(async move { handle.stop().await });
    // From when the gateway knows, it gives the worker nothing more to do.
    let offline = async { while setup.admin().call("echo", json!({"number": 1})).await.status != 503 {} };
    within(offline).await;
    setup.go.add_permits(1);
    assert_eq!(within(call).await.expect("no panic").result(), 7);
    within(stopping).await.expect("no panic");
}

#[tokio::test]
async fn a_panicking_tool_fails_its_call_and_the_socket_stays() {
    let setup = Setup::start().await;
    let workers = setup.admin().get("/v1/workers").await.body;
    let connection = &workers["items"][0]["connectionId"];
    assert!(connection.is_string(), "{workers}");
    let failed = setup.admin().call("panics", json!({})).await;
    failed.is_problem(422, "tool_failed");
    assert!(failed.detail().contains("the tool panicked"), "{failed:?}");
    assert_eq!(setup.admin().call("echo", json!({"number": 3})).await.result(), 3);
    assert_eq!(setup.admin().get("/v1/workers").await.body["items"][0]["connectionId"], *connection);
}

#[tokio::test]
async fn a_token_says_who_calls_and_opens_what_its_roles_allow() {
    let setup = Setup::start().await;
    let admin = setup.admin();
    let token = |roles: &[&str]| {
        json!({
            "role": "operator", "userId": "ada", "agentId": dev::AGENT, "toolRoles": roles, "ttlSeconds": 60
        })
    };
    admin.call("who_calls", json!({})).await.is_problem(403, "forbidden");
    // A user does not learn of a tool that it may not call.
    admin.with_token(token(&["sales"])).await.call("who_calls", json!({})).await.is_problem(404, "unknown_tool");

    let answer = admin.with_token(token(&["support"])).await.call("who_calls", json!({})).await;
    let call_id = answer.body["callId"].clone();
    let seen = answer.result();
    let listed = admin.get(&format!("/v1/calls/{}", call_id.as_str().expect("an id"))).await.body;
    assert_eq!((&seen["call"], &seen["user"]), (&call_id, &json!("ada")));
    for (seen, listed) in [("agent", "agentId"), ("entity", "entity"), ("environment", "environmentId")]
        .map(|(seen_as, listed_as)| (&seen[seen_as], &listed[listed_as]))
    {
        assert!(seen.is_string() && seen == listed, "{seen} {listed}");
    }
    assert!(seen["organization"].is_string() && seen["project"].is_string(), "{seen}");
    assert_eq!(seen["context"]["user.id"], "ada");
    assert!(seen["context"]["deadline"].is_string() && seen["context"]["traceparent"].is_string(), "{seen}");
}

#[tokio::test]
async fn calls_are_signed_with_the_secret_that_the_worker_connected_with() {
    let setup = Setup::with(|client| client.signatures(Signatures::Require)).await;
    let admin = setup.admin();
    let user = admin.speaking_for("ada ❤ \"quoted\"", &["support"]).await;
    assert_eq!(user.call("who_calls", json!({})).await.result()["user"], "ada ❤ \"quoted\"");
    // In its grace time the old secret signs what goes to whoever came with it.
    assert_eq!(admin.rotate(dev::ENTITY, 3600).await.status, 200);
    setup.go.add_permits(1);
    assert_eq!(admin.call("wait", json!({"number": 1})).await.result(), 1);
}

#[tokio::test]
async fn a_worker_whose_secret_was_rotated_says_that_it_was_refused() {
    let mut setup = Setup::with(|client| client.reconnect(quick().on_refusal(OnRefusal::Fail))).await;
    assert_eq!(setup.admin().rotate(dev::ENTITY, 0).await.status, 200);
    let closed = loop {
        if let Event::Disconnected(reason) = setup.event().await {
            break reason;
        }
    };
    assert!(matches!(closed, Disconnect::Closed { code: Some(4001), .. }), "{closed:?}");
    let failed = setup.worker.reaches(ConnectionState::is_failed).await;
    let ConnectionState::Failed { reason, .. } = failed else { panic!("it failed: {failed:?}") };
    assert!(reason.contains("unknown entity or secret"), "{reason}");
    let error = setup.worker.ended().await.expect_err("it gave up");
    assert_eq!((error.kind(), with_causes(&error)), (ErrorKind::Refused, reason));
}

/// A worker that runs as a program.
fn program(gateway: &Gateway) -> Child {
    Command::new(env!("CARGO_BIN_EXE_worker"))
        .envs([("PLATOS_URL", &*gateway.url()), ("PLATOS_SECRET", dev::SECRET)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a process")
}

/// Calls until the tools are there, and returns the process that answers.
async fn answering(caller: &Caller) -> Value {
    within(async {
        loop {
            let answer = caller.call("process", json!({})).await;
            if answer.status == 200 {
                return answer.result();
            }
            assert!(["unknown_tool", "worker_offline"].iter().any(|code| answer.body["code"] == *code), "{answer:?}");
        }
    })
    .await
}

/// A call that reached the worker may have run, so it ends at its deadline and says that; one that did not can be tried again.
#[tokio::test]
async fn a_worker_that_is_killed_leaves_no_call_hanging_and_another_one_takes_its_place() {
    let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("a gateway");
    let caller = Caller::new(gateway.url(), dev::ADMIN_KEY);
    let mut worker = program(&gateway);
    assert_eq!(Some(answering(&caller).await), worker.id().map(Value::from));
    let mut under_way = caller.stream_within(2000, "hold", json!({})).await;
    assert_eq!(under_way.next().await.0, "progress");
    within(worker.kill()).await.expect("it can be killed");

    within(async {
        while gateway.connection_count() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    let refused = caller.call("process", json!({})).await;
    refused.is_problem(503, "worker_offline");
    assert_eq!(refused.body["retryable"], true, "{refused:?}");
    let offline = caller.tools().await;
    assert!(offline.len() == 3 && offline.iter().all(|tool| tool["online"] == false), "{offline:?}");
    let (name, problem) = under_way.next().await;
    assert_eq!((&*name, &problem["code"], &problem["retryable"]), ("error", &json!("timeout"), &json!(false)));

    let another = program(&gateway);
    assert_eq!(Some(answering(&caller).await), another.id().map(Value::from));
    assert!(caller.tools().await.iter().all(|tool| tool["online"] == true));
}
