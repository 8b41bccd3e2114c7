//! [`Installation`]: several gateways in one process, over one database and a network in memory. [`Worker`] connects to one of them, and
//! answers calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platools_bus::Bus;
use platools_bus::memory::{MemberId, Network};
use platools_protocol::tool_sync::{Features, ToolDeclaration, WorkerInstance};
use secrecy::SecretString;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::arguments::Arguments;
use crate::calls::{CallReply, CallRequest};
use crate::core::{Core, CoreOptions};
use crate::directory::Claim;
use crate::domain::database::DataSource;
use crate::domain::error::Error;
use crate::domain::identity::{Caller, Policy, Scope, SpeaksFor};
use crate::domain::ids::{CallId, GatewayNumber};
use crate::domain::lock::lock;
use crate::domain::origin::RequestOrigin;
use crate::domain::trace::TraceContext;
use crate::links::tool_health::HealthReports;
use crate::links::{ClosingSignal, Link, Notice, Order, Registration};
use crate::pending_calls::{CallSettings, CallTimeout, Report, ReportSender, WorkerAnswer};
use crate::sessions::RuntimeSettings;
use crate::store::SqlStore;
use crate::tools::ToolName;

/// A database with a directory, for one installation after the other.
pub(super) struct Database {
    store: Arc<SqlStore>,
    secrets: HashMap<String, SecretString>,
    folder: tempfile::TempDir,
}

/// Several gateways.
pub(super) struct Installation {
    pub(super) network: Network,
    gateways: Mutex<Vec<(MemberId, Arc<Core>)>>,
    database: Arc<Database>,
}

impl Database {
    /// A new database, with entities of a policy.
    pub(super) async fn create(entities: &[(&str, Policy)]) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqlStore::open_at(&DataSource::from(folder.path())).await.unwrap());
        let mut this = Self { store, secrets: HashMap::new(), folder };
        let core = this.core(CoreOptions::default()).await;
        for (entity, policy) in entities {
            let added = core.local_admin().add_entity(entity, *policy).await.unwrap();
            this.secrets.insert((*entity).to_owned(), added.secret);
        }
        Arc::new(this)
    }

    async fn core(&self, options: CoreOptions) -> Core {
        let tasks = self.store.tasks().clone();
        let core = Core::start(self.store.clone(), tasks, Some(self.folder.path()), options).await.unwrap();
        core.directory.open_signing_keys().await.unwrap();
        core.catalog.load().await.unwrap();
        core
    }
}

impl Installation {
    /// Gateways with the numbers from 1 to `count`, and entities of a policy.
    pub(super) async fn start(count: u16, entities: &[(&str, Policy)]) -> Self {
        Self::start_on(Network::new(), count, Database::create(entities).await).await
    }

    /// Like [`Installation::start`], on a network and over a database.
    pub(super) async fn start_on(network: Network, count: u16, database: Arc<Database>) -> Self {
        let this = Self { network, gateways: Mutex::default(), database };
        for number in 1..=count {
            let gateway = this.gateway(number).await;
            lock(&this.gateways).push(gateway);
        }
        for core in this.cores() {
            until(|| cluster(&core).members().count() == usize::from(count)).await;
        }
        this
    }

    async fn gateway(&self, number: u16) -> (MemberId, Arc<Core>) {
        let bus = self.network.join();
        let member = bus.id();
        let calls = CallSettings::default().with(|calls| calls.wait_for_worker = Duration::from_secs(20));
        let gateway = GatewayNumber::new(number).unwrap();
        let sessions = RuntimeSettings::default().with(|sessions| sessions.session_timeout = Duration::ZERO);
        let (bus, sessions): (Arc<dyn Bus>, _) = (Arc::new(bus), Some(sessions));
        let options = CoreOptions { gateway, bus: Some(bus), calls, sessions, ..CoreOptions::default() };
        (member, Arc::new(self.database.core(options).await))
    }

    /// A gateway, by its place from 0.
    pub(super) fn core(&self, gateway: usize) -> Arc<Core> {
        Arc::clone(&lock(&self.gateways)[gateway].1)
    }

    pub(super) fn cores(&self) -> Vec<Arc<Core>> {
        lock(&self.gateways).iter().map(|(_, core)| Arc::clone(core)).collect()
    }

    /// The place of a gateway on the network.
    pub(super) fn member(&self, gateway: usize) -> MemberId {
        lock(&self.gateways)[gateway].0
    }

    /// Starts a gateway again, without a word to the others, as after a crash.
    pub(super) async fn restart(&self, gateway: usize) {
        self.kill(gateway);
        let number = u16::try_from(gateway + 1).unwrap();
        let started = self.gateway(number).await;
        lock(&self.gateways)[gateway] = started;
    }

    /// Starts a gateway again while its earlier process hangs, cut off from the others and without ends of its calls.
    pub(super) async fn replace_hung(&self, gateway: usize) {
        self.network.disconnect(self.member(gateway));
        let number = u16::try_from(gateway + 1).unwrap();
        let started = self.gateway(number).await;
        lock(&self.gateways)[gateway] = started;
    }

    /// Cuts a gateway off from the others for good, and ends its links and calls.
    pub(super) fn kill(&self, gateway: usize) {
        self.network.disconnect(self.member(gateway));
        self.core(gateway).abort();
    }

    /// A caller of the default project.
    pub(super) fn caller(&self) -> Caller {
        let project_id = self.core(0).authenticator.anonymous().project_id;
        Caller { project_id, speaks_for: SpeaksFor::Anybody, ..Caller::sample("key_operator") }
    }

    /// Connects a worker of this project's SDK to a gateway, and registers one tool.
    pub(super) async fn worker(&self, gateway: usize, entity: &str, process: &str, tool: &str) -> Worker {
        let worker = Worker::connect(&self.core(gateway), self.database.secrets[entity].clone(), process).await;
        worker.register(&[declaration(tool)]).await;
        worker
    }

    /// Waits until a gateway would send a call of a tool to some worker.
    pub(super) async fn is_online(&self, gateway: usize, tool: &str) {
        let (core, caller) = (self.core(gateway), self.caller());
        loop {
            if let Ok(found) = core.tools.find(&caller, &name(tool)).await
                && core.links.choose(&found.identity.scope(), &found.tool.version()).is_some()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Calls a tool over a gateway.
    pub(super) async fn call(&self, gateway: usize, tool: &str, argument: u64) -> Result<u64, Error> {
        let reply = self.call_with(gateway, tool, argument, None).await?;
        Ok(serde_json::from_str(reply.result.get()).unwrap())
    }

    /// Calls a tool over a gateway, as some caller.
    pub(super) async fn call_as(
        &self,
        gateway: usize,
        caller: &Caller,
        tool: &str,
        argument: u64,
    ) -> Result<(), Error> {
        let core = self.core(gateway);
        core.calls.call(caller, request(tool, argument, None)).await.map(drop)
    }

    /// Calls a tool under an idempotency key, in a task.
    pub(super) fn call_with_key(
        &self,
        gateway: usize,
        key: &str,
        tool: &str,
        argument: u64,
    ) -> JoinHandle<Result<u64, Error>> {
        let (core, caller) = (self.core(gateway), self.caller());
        let (key, request) = (key.to_owned(), request(tool, argument, None));
        tokio::spawn(async move {
            let reply = core.calls.call_with_key(&caller, &key, request).await?;
            Ok(serde_json::from_str(reply.result.get()).unwrap())
        })
    }

    /// Calls a tool with a receiver of its reports.
    pub(super) async fn call_with(
        &self,
        gateway: usize,
        tool: &str,
        argument: u64,
        report_sender: Option<ReportSender>,
    ) -> Result<CallReply, Error> {
        let core = self.core(gateway);
        core.calls.call(&self.caller(), request(tool, argument, report_sender)).await
    }
}

/// The connection of a gateway to the others.
pub(super) fn cluster(core: &Core) -> &super::super::Cluster {
    core.cluster.as_ref().expect("it is a member")
}

/// Waits for a condition. A test that waits in vain hangs, and its runner says so.
pub(super) async fn until(is_reached: impl Fn() -> bool) {
    while !is_reached() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn name(tool: &str) -> ToolName {
    ToolName { name: tool.to_owned(), entity: None, environment: None }
}

fn request(tool: &str, argument: u64, report_sender: Option<ReportSender>) -> CallRequest {
    let raw = RawValue::from_string(json!({"n": argument}).to_string()).unwrap();
    CallRequest {
        tool: name(tool),
        arguments: Arguments::parse(&raw).unwrap(),
        timeout: CallTimeout::asked(Duration::from_secs(60)),
        worker_return: None,
        trace: TraceContext::from_parent(None),
        report_sender,
    }
}

pub(super) fn declaration(tool: &str) -> ToolDeclaration {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    ToolDeclaration::new(tool, "", schema)
}

/// A worker, without a socket.
pub(super) struct Worker {
    core: Arc<Core>,
    link: Option<Link>,
    /// The arguments of each call that ran, in order.
    pub(super) ran: Arc<Mutex<Vec<u64>>>,
}

/// A worker that answers every call with its argument.
pub(super) struct Running {
    pub(super) ran: Arc<Mutex<Vec<u64>>>,
    pub(super) cancelled: Arc<Mutex<Vec<CallId>>>,
    _task: AbortOnDropHandle<()>,
}

impl Worker {
    async fn connect(core: &Arc<Core>, secret: SecretString, process: &str) -> Self {
        let generation = core.authenticator.next_generation();
        let instance = Some(WorkerInstance::new(process));
        let (entity, environment, features) = (None, None, Features::all());
        let claim = Claim { secret: Some(secret), entity, environment, features, instance };
        let link = core.authenticator.connect(generation, claim, RequestOrigin::default()).await.unwrap();
        Self { core: Arc::clone(core), link: Some(link), ran: Arc::default() }
    }

    fn link(&mut self) -> &mut Link {
        self.link.as_mut().expect("it is connected")
    }

    pub(super) async fn register(&self, tools: &[ToolDeclaration]) {
        let link = self.link.as_ref().expect("it is connected");
        let registered = self.core.registrations.register(link.identity(), &link.fence(), tools.to_vec()).await;
        assert!(matches!(registered.unwrap(), Registration::Stored(_)));
    }

    /// Takes the next call off the link, as the socket does, and returns it with its argument. `None` once the link has ended. Cancel-safe.
    pub(super) async fn next_call(&mut self) -> Option<(CallId, u64)> {
        loop {
            match self.link().next().await? {
                Order::Call(delivery) => {
                    let call_id = delivery.call_id.clone();
                    self.link().sent(&call_id);
                    let argument = argument(&delivery.frame.into_text());
                    lock(&self.ran).push(argument);
                    return Some((call_id, argument));
                }
                Order::Notice(_) => {}
            }
        }
    }

    /// The reason for which the gateway closes the connection, as soon as there is one.
    pub(super) fn closing(&self) -> ClosingSignal {
        self.link.as_ref().expect("it is connected").closing()
    }

    /// Answers a call. The future says whether the gateway confirmed the answer.
    pub(super) fn answered(&self, call_id: &CallId, result: u64) -> impl Future<Output = bool> + use<> {
        answer(&self.core, self.link.as_ref().expect("it is connected"), call_id, result)
    }

    /// Waits until the gateway asks it to cancel a call.
    pub(super) async fn next_cancellation(&mut self) -> CallId {
        loop {
            if let Some(Order::Notice(Notice::Cancel { call_id })) = self.link().next().await {
                return call_id;
            }
        }
    }

    /// Answers a call. Returns once the gateway has confirmed the answer.
    pub(super) async fn answer(&self, call_id: &CallId, result: u64) {
        assert!(self.answered(call_id, result).await, "the answer is confirmed");
    }

    /// Takes every call and answers it at once.
    pub(super) fn run(mut self) -> Running {
        let (ran, cancelled) = (Arc::clone(&self.ran), Arc::<Mutex<Vec<CallId>>>::default());
        let noted = Arc::clone(&cancelled);
        let task = tokio::spawn(async move {
            let mut closing = self.link().closing();
            loop {
                let order = tokio::select! {
                    biased;
                    _ = closing.wait() => return,
                    order = self.link().next() => order,
                };
                match order {
                    Some(Order::Call(delivery)) => {
                        let call_id = delivery.call_id.clone();
                        self.link().sent(&call_id);
                        let argument = argument(&delivery.frame.into_text());
                        lock(&self.ran).push(argument);
                        let link = self.link.as_ref().expect("it is connected");
                        // It does not wait for the confirmation, as no worker does.
                        let _unconfirmed = answer(&self.core, link, &call_id, argument);
                    }
                    Some(Order::Notice(Notice::Cancel { call_id })) => lock(&noted).push(call_id),
                    Some(Order::Notice(_)) => {}
                    None => return,
                }
            }
        });
        Running { ran, cancelled, _task: AbortOnDropHandle::new(task) }
    }

    /// Sends a report of a call, as the tool-sync protocol does.
    pub(super) fn report(&self, call_id: &CallId, report: Report) {
        let link = self.link.as_ref().expect("it is connected");
        cluster(&self.core).report(&link.identity().scope(), call_id, link.id(), report);
    }

    pub(super) fn scope(&self) -> Scope {
        self.link.as_ref().expect("it is connected").identity().scope()
    }

    /// The reports of the health of its tools.
    pub(super) fn health_reports(&self) -> HealthReports {
        self.core.health.reports(self.link.as_ref().expect("it is connected"))
    }

    /// The number of calls that wait for its socket.
    pub(super) fn queued(&self) -> usize {
        self.link.as_ref().expect("it is connected").queued()
    }

    /// Waits until the gateway closes its connection.
    pub(super) async fn closed(&self) {
        self.closing().wait().await;
    }

    /// The end of its connection.
    pub(super) fn disconnect(&mut self) {
        self.link = None;
    }
}

/// Answers a call as the tool-sync protocol does. The future says whether the answer was confirmed.
fn answer(core: &Core, link: &Link, call_id: &CallId, result: u64) -> impl Future<Output = bool> + use<> {
    let scope = link.identity().scope();
    let result = RawValue::from_string(result.to_string()).unwrap();
    let answer = WorkerAnswer::Returned { result, latency_ms: 1 };
    let (confirmed, confirmation) = tokio::sync::oneshot::channel();
    if cluster(core).is_foreign(call_id) {
        cluster(core).answer(&scope, call_id, answer, move || {
            let _ = confirmed.send(());
        });
    } else {
        core.pending.answer(&scope, call_id, answer);
        let _ = confirmed.send(());
    }
    async move { confirmation.await.is_ok() }
}

/// The argument of a call, from its frame.
fn argument(frame: &str) -> u64 {
    let frame: serde_json::Value = serde_json::from_str(frame).unwrap();
    assert_eq!(frame["type"], "tool_call");
    assert!(frame["params"]["__platos"]["signature"].is_string(), "it is signed");
    frame["params"]["n"].as_u64().unwrap()
}
