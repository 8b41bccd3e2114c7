//! `Shared`: the core of a client, and whether it is connected, which it is once at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::core::Core;
use super::error::{RuntimeError, RuntimeErrorKind};
use super::opening::Opened;
use super::run::Run;
use platools_protocol::runtime::Connected;
use platools_transport::ConnectionState;

/// The longest time for the end of a connection: a close of the socket and a goodbye over HTTP, each of which has a limit of
/// its own.
const END_LIMIT: Duration = Duration::from_secs(11);

/// A client's core, and how far its connection is.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) core: Arc<Core>,
    phase: Mutex<Phase>,
    farewells: Farewells,
}

/// The farewells to sessions of attempts that failed or were dropped. They outlive the attempt and end with the client.
#[derive(Debug, Default)]
struct Farewells {
    tasks: Mutex<JoinSet<()>>,
    /// Each task has a receiver.
    running: watch::Sender<()>,
}

#[derive(Debug)]
enum Phase {
    Idle,
    /// A call of `connect` is under way.
    Connecting(watch::Sender<bool>),
    /// Until nobody has a receiver of the stop any more. The run ends when it is dropped.
    Running(watch::Sender<bool>, JoinSet<()>),
}

impl Shared {
    pub(super) fn new(core: Core) -> Self {
        Self { core: Arc::new(core), phase: Mutex::new(Phase::Idle), farewells: Farewells::default() }
    }

    pub(super) async fn connect(&self) -> Result<Connected, RuntimeError> {
        let mut attempt = self.begin()?;
        let opened = tokio::select! {
            opened = self.core.open() => opened,
            _ = attempt.stop.wait_for(|stop| *stop) => Err(stopped()),
        };
        match opened {
            Ok(opened) => attempt.succeed(opened),
            Err(error) => {
                drop(attempt);
                self.farewells.said().await;
                Err(error)
            }
        }
    }

    /// Ends the connection or the attempt, and returns when that is done or takes too long.
    pub(super) async fn disconnect(&self) {
        self.end().await;
        self.farewells.said().await;
    }

    async fn end(&self) {
        let stop = match &*self.phase() {
            Phase::Idle => return,
            Phase::Connecting(stop) | Phase::Running(stop, _) => stop.clone(),
        };
        stop.send_replace(true);
        if timeout(END_LIMIT, stop.closed()).await.is_err() {
            // A task that another connection has meanwhile is not this one's.
            let task = match &mut *self.phase() {
                Phase::Running(running, task) if running.same_channel(&stop) => std::mem::take(task),
                _ => return,
            };
            drop(task);
            stop.closed().await;
        }
    }

    fn begin(&self) -> Result<Attempt<'_>, RuntimeError> {
        let mut phase = self.phase();
        let is_busy = match &*phase {
            Phase::Idle => false,
            Phase::Connecting(_) => true,
            Phase::Running(stop, _) => !stop.is_closed(),
        };
        if is_busy {
            let message = "the client is connected already, or connecting; call `disconnect()` first";
            return Err(RuntimeError::new(RuntimeErrorKind::AlreadyConnected, message));
        }
        let (sender, stop) = watch::channel(false);
        *phase = Phase::Connecting(sender);
        drop(phase);
        self.core.reporter.state(ConnectionState::Connecting);
        Ok(Attempt { shared: self, runtime: Handle::current(), stop, has_succeeded: false })
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call of `connect`. Unless it succeeds, the client is where it was before, also where the call is dropped.
struct Attempt<'a> {
    shared: &'a Shared,
    /// The drop may be elsewhere.
    runtime: Handle,
    stop: watch::Receiver<bool>,
    has_succeeded: bool,
}

impl Attempt<'_> {
    fn succeed(mut self, opened: Opened) -> Result<Connected, RuntimeError> {
        let mut phase = self.shared.phase();
        let Phase::Connecting(stop) = &*phase else { return Err(stopped()) };
        let connected = opened.connected.clone();
        let core = Arc::clone(&self.shared.core);
        // Before anybody can ask, and before the run may have something newer to say.
        core.reporter.state(ConnectionState::Connected);
        let run = Run::new(core, stop.subscribe());
        let mut task = JoinSet::new();
        task.spawn(run.run(opened));
        let stop = stop.clone();
        *phase = Phase::Running(stop, task);
        self.has_succeeded = true;
        drop(phase);
        Ok(connected)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.has_succeeded {
            // Held until all of it is done, so that the next attempt begins after it.
            let mut phase = self.shared.phase();
            let session = self.shared.core.session().take();
            if let Some(session) = session {
                self.shared.farewells.say(&self.runtime, Arc::clone(&self.shared.core), session);
            }
            self.shared.core.clear();
            self.shared.core.reporter.disconnected();
            *phase = Phase::Idle;
        }
    }
}

impl Farewells {
    /// Tells the gateway of the end of a session, on a task.
    fn say(&self, runtime: &Handle, core: Arc<Core>, session: Connected) {
        let running = self.running.subscribe();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended are cleared away.
        while tasks.try_join_next().is_some() {}
        let farewell = async move {
            core.say_farewell_of(session).await;
            drop(running);
        };
        tasks.spawn_on(farewell, runtime);
    }

    /// Waits until no farewell is under way; each has a time limit.
    async fn said(&self) {
        self.running.closed().await;
    }
}

fn stopped() -> RuntimeError {
    RuntimeError::new(RuntimeErrorKind::Disconnected, "the client was disconnected meanwhile")
}
