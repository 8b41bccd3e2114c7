//! Tests of calls under idempotency keys at two gateways over one database.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use platools_bus::memory::{MemberId, MemoryBus, Network};
use platools_bus::{Bus, InboxBounds, PublishError, RequestError, State, Subject, Subscription};
use platools_protocol::tool_sync::ToolDeclaration;
use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::grant::KeyedCallGrant;
use super::*;
use crate::arguments::Arguments;
use crate::core::{Core, CoreOptions};
use crate::directory::Claim;
use crate::domain::error::ErrorKind;
use crate::domain::idempotency::{KeyedBegin, KeyedCallStatus};
use crate::domain::identity::{Identity, Policy};
use crate::domain::ids::{CallId, GatewayNumber};
use crate::journal::JournaledCall;
use crate::links::{Link, Order};
use crate::pending_calls::WorkerAnswer;
use crate::ports::store::Storage;
use crate::store::SqlStore;
use crate::tools::ToolName;

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A bound for waits that end sooner unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bus that counts the requests about calls of other gateways.
#[derive(Debug)]
struct CountingBus {
    bus: MemoryBus,
    requests: Arc<AtomicUsize>,
}

impl Bus for CountingBus {
    fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), PublishError> {
        self.bus.publish(subject, payload)
    }

    fn request(
        &self,
        subject: &Subject,
        payload: Bytes,
        limit: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        if subject.as_str().ends_with(".peers") {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        self.bus.request(subject, payload, limit)
    }

    fn subscribe(
        &self,
        subject: &Subject,
        bounds: InboxBounds,
    ) -> BoxFuture<'static, Result<Subscription, PublishError>> {
        self.bus.subscribe(subject, bounds)
    }

    fn state(&self) -> watch::Receiver<State> {
        self.bus.state()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.bus.close()
    }
}

/// A gateway with a link of the worker of the tool `count`.
struct TestGateway {
    core: Core,
    link: Link,
    caller: Caller,
}

impl TestGateway {
    /// Makes the call in a task.
    fn call(&self, key: &str, arguments: &str) -> JoinHandle<Result<CallReply, Error>> {
        let (calls, caller, key) = (Arc::clone(&self.core.calls), self.caller.clone(), key.to_owned());
        let request = request(Arguments::parse(serde_json::from_str(arguments).unwrap()).unwrap());
        tokio::spawn(async move { calls.call_with_key(&caller, &key, request).await })
    }

    /// The next call at the worker.
    async fn delivered(&mut self) -> CallId {
        let Some(Order::Call(delivery)) = timeout(PATIENCE, self.link.next()).await.unwrap() else {
            panic!("a call was expected")
        };
        self.link.sent(&delivery.call_id);
        delivery.call_id
    }

    /// Lets the worker answer a call.
    fn answer(&self, call_id: &CallId, result: impl serde::Serialize) {
        self.core.pending.answer(&self.link.identity().scope(), call_id, returned(result));
    }

    /// The earlier call of another gateway under a key.
    fn call_of(&self, gateway: u16, key: &str) -> (OwnedKey, KeyedCall) {
        let own = OwnedKey::new(&self.caller, key).unwrap();
        let call = KeyedCall {
            id: own.id().to_owned(),
            project: own.project().clone(),
            fingerprint: own.fingerprint(&self.caller, &request(Arguments::none())),
            call_id: CallId::from_gateway(number(gateway)),
        };
        (own, call)
    }

    /// Notes the begin of a call of another gateway, whose answer may come within this time.
    async fn begin_elsewhere(&self, call: &KeyedCall, answer_wait: Duration) {
        let begin = self.core.store.begin_keyed_call(call, answer_wait, 100).await.unwrap();
        assert_eq!(begin, KeyedBegin::Begun);
    }
}

/// A call of the tool `count`.
fn request(arguments: Arguments) -> CallRequest {
    let tool = ToolName { name: "count".to_owned(), entity: None, environment: None };
    CallRequest::new(tool, arguments, Duration::from_secs(600))
}

fn number(gateway: u16) -> GatewayNumber {
    GatewayNumber::new(gateway).unwrap()
}

fn returned(result: impl serde::Serialize) -> WorkerAnswer {
    WorkerAnswer::Returned { result: to_raw_value(&result).unwrap(), latency_ms: 1 }
}

/// Two gateways over one database and a network, and the number of their requests to each other about calls.
struct TwoGateways {
    network: Network,
    requests: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

/// Gateways 1 and 2, each with a link of the worker.
async fn gateways(settings: IdempotencySettings) -> (TwoGateways, [TestGateway; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open(folder.path()).await.unwrap();
    let tasks = store.tasks().clone();
    let store: Arc<dyn Storage> = Arc::new(store);
    let (network, requests) = (Network::new(), Arc::<AtomicUsize>::default());
    let start = async |gateway: u16| {
        let options = CoreOptions {
            gateway: number(gateway),
            bus: Some(Arc::new(CountingBus { bus: network.join(), requests: Arc::clone(&requests) })),
            idempotency: settings.clone(),
            ..CoreOptions::default()
        };
        let core = Core::start(Arc::clone(&store), tasks.clone(), Some(folder.path()), options).await.unwrap();
        core.catalog.load().await.unwrap();
        core
    };
    let first = start(1).await;
    let secret = first.local_admin().add_entity("dev", Policy::Pool).await.unwrap().secret;
    let second = start(2).await;
    for core in [&first, &second] {
        until(|| core.cluster.as_ref().unwrap().members().count() == 2).await;
    }
    let mut gateways = Vec::new();
    for core in [first, second] {
        let claim = Claim { secret: Some(secret.clone()), ..Claim::default() };
        let link = core.authenticator.connect(core.authenticator.next_generation(), claim, LOCAL).await.unwrap();
        let tool = ToolDeclaration::new("count", "", json!({"type": "object"}));
        core.registrations.register(link.identity(), &link.fence(), vec![tool]).await.unwrap();
        let Identity { project_id, .. } = link.identity().clone();
        let caller = Caller { project_id, ..Caller::sample("key_1") };
        gateways.push(TestGateway { core, link, caller });
    }
    let Ok(gateways) = gateways.try_into() else { panic!("two gateways") };
    (TwoGateways { network, requests, _folder: folder }, gateways)
}

async fn ended(call: JoinHandle<Result<CallReply, Error>>) -> Result<CallReply, Error> {
    timeout(PATIENCE, call).await.unwrap().unwrap()
}

/// Waits until something is so.
async fn until(mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            yield_now().await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn a_repeat_at_another_gateway_waits_for_the_answer_and_does_not_run() {
    let (both, [mut one, two]) = gateways(IdempotencySettings::default()).await;
    let first = one.call("k", "{}");
    let call_id = one.delivered().await;
    let repeats = [two.call("k", "{}"), two.call("k", "{}")];
    until(|| both.requests.load(Ordering::Relaxed) > 0).await;
    one.answer(&call_id, "once");
    let first = ended(first).await.unwrap();
    for repeat in repeats {
        let repeat = ended(repeat).await.unwrap();
        assert_eq!((&repeat.call_id, repeat.result.get()), (&call_id, r#""once""#));
    }
    assert_eq!(first.call_id, call_id);
    assert_eq!(ended(two.call("k", "{}")).await.unwrap().call_id, call_id, "from the database");
    assert_eq!(two.link.queued(), 0);
}

#[tokio::test]
async fn a_repeat_finds_the_answer_in_the_database_if_the_gateways_do_not_reach_each_other() {
    let (both, [mut one, two]) = gateways(IdempotencySettings::default()).await;
    both.network.disconnect(MemberId(0));
    let first = one.call("k", "{}");
    let call_id = one.delivered().await;
    let repeat = two.call("k", "{}");
    until(|| !lock(&two.core.calls.idempotency.running).is_empty()).await;
    one.answer(&call_id, 7);
    ended(first).await.unwrap();
    let repeat = ended(repeat).await.unwrap();
    assert_eq!((&repeat.call_id, repeat.result.get()), (&call_id, "7"));
    assert_eq!(two.link.queued(), 0);
}

#[tokio::test]
async fn a_call_that_two_gateways_begin_at_once_runs_once() {
    let (_both, [mut one, mut two]) = gateways(IdempotencySettings::default()).await;
    const KEYS: usize = 40;
    let calls: Vec<_> = (0..KEYS)
        .map(|key| {
            let key = format!("k-{key}");
            (one.call(&key, "{}"), two.call(&key, "{}"))
        })
        .collect();
    let run = AtomicUsize::new(0);
    let worker = async |gateway: &mut TestGateway| loop {
        let call_id = gateway.delivered().await;
        gateway.answer(&call_id, run.fetch_add(1, Ordering::Relaxed));
    };
    let callers = async {
        for (at_one, at_two) in calls {
            let (at_one, at_two) = (ended(at_one).await.unwrap(), ended(at_two).await.unwrap());
            assert_eq!(at_one.call_id, at_two.call_id);
            assert_eq!(at_one.result.get(), at_two.result.get());
        }
    };
    tokio::select! {
        () = callers => {}
        () = worker(&mut one) => {}
        () = worker(&mut two) => {}
    }
    assert_eq!(run.load(Ordering::Relaxed), KEYS);
}

#[tokio::test]
async fn a_repeat_runs_once_the_call_of_another_gateway_certainly_did_not() {
    let (_both, [one, mut two]) = gateways(IdempotencySettings::default()).await;
    let (_, earlier) = two.call_of(9, "k");
    two.begin_elsewhere(&earlier, PATIENCE).await;
    let repeat = two.call("k", "{}");
    until(|| !lock(&two.core.calls.idempotency.running).is_empty()).await;
    assert_eq!(two.link.queued(), 0);
    one.core.store.forget_keyed_call(&earlier).await.unwrap();
    let call_id = two.delivered().await;
    two.answer(&call_id, 1);
    assert_eq!(ended(repeat).await.unwrap().call_id, call_id);
}

#[tokio::test]
async fn a_repeat_is_told_that_the_end_is_unknown_once_no_answer_can_come() {
    let (_both, [one, two]) = gateways(IdempotencySettings::default()).await;
    // Of a gateway that is gone, and of one that has started again since.
    for (gateway, key) in [(9, "k-1"), (2, "k-2")] {
        let (_, earlier) = two.call_of(gateway, key);
        two.begin_elsewhere(&earlier, Duration::from_millis(200)).await;
        for at in [&two, &one] {
            let error = ended(at.call(key, "{}")).await.unwrap_err();
            assert_eq!((error.kind(), error.call_id()), (ErrorKind::Interrupted, Some(&earlier.call_id)));
        }
    }
    assert_eq!((one.link.queued(), two.link.queued()), (0, 0));
}

#[tokio::test]
async fn the_gateway_that_has_the_worker_keeps_the_answer_of_a_call_whose_gateway_is_gone() {
    let (_both, [one, two]) = gateways(IdempotencySettings::default()).await;
    let (own, earlier) = one.call_of(9, "k");
    one.begin_elsewhere(&earlier, PATIENCE).await;
    let repeat = one.call("k", "{}");
    let tool = ToolDeclaration::new("count", "", json!({}));
    let start = KeyedCallStart::new(&*one.core.store, (&own, &earlier), 1, &watch::channel(None).0).grant(&tool);
    let shown = format!("{start:?}");
    let grant = serde_json::to_string(&start).unwrap();
    for secret in [&*earlier.fingerprint, &own.seal().to_text()] {
        assert!(grant.contains(secret) && !shown.contains(secret), "{shown}");
    }
    two.core.calls.keep_answer(serde_json::from_str(&grant).unwrap(), returned(json!({"n": 7}))).await;
    let reply = ended(repeat).await.unwrap();
    assert_eq!((&reply.call_id, reply.result.get()), (&earlier.call_id, r#"{"n":7}"#));

    // A failure of the tool is an answer, too, and the first answer stays.
    let failed = WorkerAnswer::Failed { message: "no stock".to_owned(), details: None, traceback: None };
    two.core.calls.keep_answer(serde_json::from_str(&grant).unwrap(), failed).await;
    assert_eq!(ended(two.call("k", "{}")).await.unwrap().result.get(), r#"{"n":7}"#);
}

#[tokio::test]
async fn a_failure_that_another_gateway_keeps_reads_as_the_calls_own_gateway_would_write_it() {
    let (_both, [one, two]) = gateways(IdempotencySettings::default()).await;
    let (own, earlier) = one.call_of(9, "k");
    one.begin_elsewhere(&earlier, PATIENCE).await;
    let mut tool = ToolDeclaration::new("count", "", json!({}));
    tool.annotations.insert("exposeErrors".to_owned(), true.into());
    let grant = KeyedCallGrant::new(&own, &earlier, &tool);
    let traceback = Some("Caused by:\n    disk full".into());
    let failed = WorkerAnswer::Failed { message: "no stock".to_owned(), details: None, traceback };
    two.core.calls.keep_answer(grant, failed).await;
    let error = ended(one.call("k", "{}")).await.unwrap_err();
    assert_eq!((error.kind(), error.call_id()), (ErrorKind::ToolFailed, Some(&earlier.call_id)));
    assert!(error.to_string().starts_with("no stock") && error.to_string().contains("disk full"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_be_kept_reaches_a_repeat_that_waits_at_another_gateway() {
    let settings = IdempotencySettings { max_answer_bytes: 10, ..IdempotencySettings::default() };
    let (both, [mut one, two]) = gateways(settings).await;
    let first = one.call("k", "{}");
    let call_id = one.delivered().await;
    let repeat = two.call("k", "{}");
    until(|| both.requests.load(Ordering::Relaxed) > 0).await;
    one.answer(&call_id, "a long result");
    ended(first).await.unwrap();
    assert_eq!(ended(repeat).await.unwrap().result.get(), r#""a long result""#);
    assert_eq!(ended(two.call("k", "{}")).await.unwrap_err().kind(), ErrorKind::AnswerNotKept);
}

#[tokio::test]
async fn a_key_in_use_for_another_call_at_another_gateway_is_refused_at_once() {
    let (both, [mut one, two]) = gateways(IdempotencySettings::default()).await;
    let first = one.call("k", "{}");
    one.delivered().await;
    let other = ended(two.call("k", r#"{"n":1}"#)).await.unwrap_err();
    assert_eq!((other.kind(), both.requests.load(Ordering::Relaxed)), (ErrorKind::KeyReused, 0));
    first.abort();
}

#[tokio::test]
async fn a_gateway_that_stops_waits_no_longer_for_the_answer_of_another_one() {
    let (_both, [one, two]) = gateways(IdempotencySettings::default()).await;
    let (_, earlier) = two.call_of(9, "k");
    one.begin_elsewhere(&earlier, PATIENCE).await;
    let repeat = two.call("k", "{}");
    until(|| !lock(&two.core.calls.idempotency.running).is_empty()).await;
    two.core.calls.end_waits();
    let error = ended(repeat).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(error.to_string().contains("send it again under the same idempotency key"), "{error}");
}

#[tokio::test]
async fn a_gateway_tells_whether_a_call_is_under_way_and_when_its_caller_may_try_again() {
    let folder = tempfile::tempdir().unwrap();
    let core = Core::open(folder.path(), &crate::limits::Limits::default()).await.unwrap();
    let (calls, second) = (&core.calls, Duration::from_secs(1));
    // The database is open: what follows waits for nothing else.
    tokio::time::pause();
    let key = OwnedKey::new(&Caller::sample("key_1"), "k").unwrap();
    assert_eq!(calls.keyed_call_status(key.id(), second).await, KeyedCallStatus::NotHere);
    let (sender, answer) = watch::channel(None);
    let running = RunningKeyedCall { key: key.clone(), fingerprint: "f".to_owned(), answer };
    lock(&calls.idempotency.running).insert(key.id().to_owned(), running);
    assert_eq!(calls.keyed_call_status(key.id(), second).await, KeyedCallStatus::Running);
    let limited: Result<CallReply, _> = Err(Error::new(ErrorKind::RateLimited, "later").retry_after(second));
    sender.send_replace(Some(Arc::new(limited.into())));
    let KeyedCallStatus::Ended { sealed, retry_after_ms } = calls.keyed_call_status(key.id(), second).await else {
        panic!("the call has ended")
    };
    let answer = KeyedAnswer::from_text(&key.seal().open("f", &sealed).unwrap()).unwrap();
    assert_eq!((answer.reply().unwrap_err().wait(), retry_after_ms), (None, Some(1000)));
    assert_eq!(answer.with_wait(Some(second)).reply().unwrap_err().wait(), Some(second));
}

#[tokio::test]
async fn a_call_under_way_at_another_gateway_is_found_and_cancelled_there() {
    let (_both, [mut one, two]) = gateways(IdempotencySettings::default()).await;
    let call = one.call("k", "{}");
    let call_id = one.delivered().await;
    let found = two.core.calls.find(&two.caller, call_id.as_str()).await.unwrap();
    assert!(matches!(found, JournaledCall::Running(summary) if summary.call_id == call_id));
    let other = Caller { project_id: "prj_other".into(), ..two.caller.clone() };
    let missing = two.core.calls.cancel(&other, &call_id).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "a call of another project is not found");
    let of_user = Caller { user_id: Some("u-1".to_owned()), ..two.caller.clone() };
    let missing = two.core.calls.cancel(&of_user, &call_id).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "the rights of the caller are checked at its own gateway");
    two.core.calls.cancel(&two.caller, &call_id).await.unwrap();
    assert_eq!(ended(call).await.unwrap_err().kind(), ErrorKind::Cancelled);
    let over = two.core.calls.cancel(&two.caller, &call_id).await.unwrap_err();
    assert_eq!(over.kind(), ErrorKind::NotFound);
    let unknown = two.core.calls.find(&two.caller, "call_9_00").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound, "of a gateway that is gone");
}
