//! [`Lifecycle`]: connects and disconnects one `RuntimeClient`, which has at most one connection at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::{RuntimeError, RuntimeErrorKind};
use super::opener::Welcome;
use super::protocol::AgentProtocol;
use super::shared_state::SharedState;
use crate::connection::{Connection, Opened};
use platools_protocol::runtime::Connected;
use platools_transport::{ConnectionState, Reconnect};

/// The longest time for the end of a connection: a close of the socket and a request over HTTP, each of which has a limit of
/// its own.
const END_LIMIT: Duration = Duration::from_secs(11);

/// The state of a client, and the phase of its connection.
#[derive(Debug)]
pub(super) struct Lifecycle {
    pub(super) shared: Arc<SharedState>,
    reconnect: Reconnect,
    phase: Mutex<Phase>,
    session_ends: SessionEnds,
}

/// The session_ends to sessions of attempts that failed or were dropped. They outlive the attempt and end with the client.
#[derive(Debug, Default)]
struct SessionEnds {
    tasks: Mutex<JoinSet<()>>,
    /// Each task has a receiver.
    running: watch::Sender<()>,
}

#[derive(Debug)]
enum Phase {
    Idle,
    /// A call of `connect` is under way.
    Connecting(watch::Sender<bool>),
    /// Over when the stop has no receiver. The connection's task ends when it is dropped.
    Running(watch::Sender<bool>, JoinSet<()>),
}

impl Lifecycle {
    pub(super) fn new(shared: SharedState, reconnect: Reconnect) -> Self {
        Self {
            shared: Arc::new(shared),
            reconnect,
            phase: Mutex::new(Phase::Idle),
            session_ends: SessionEnds::default(),
        }
    }

    pub(super) async fn connect(&self) -> Result<Connected, RuntimeError> {
        let mut attempt = self.begin()?;
        let opened = tokio::select! {
            opened = self.shared.open() => opened,
            _ = attempt.stop.wait_for(|stop| *stop) => Err(stopped()),
        };
        match opened {
            Ok(opened) => attempt.succeed(opened),
            Err(error) => {
                drop(attempt);
                self.session_ends.reported().await;
                Err(error)
            }
        }
    }

    /// Ends the connection or the attempt, and returns when that is done or takes too long.
    pub(super) async fn disconnect(&self) {
        self.end().await;
        self.session_ends.reported().await;
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
        self.shared.reporter.state(ConnectionState::Connecting);
        Ok(Attempt { lifecycle: self, runtime: Handle::current(), stop, has_succeeded: false })
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call of `connect`. If it fails or is dropped, it leaves the client disconnected, as it was before.
struct Attempt<'a> {
    lifecycle: &'a Lifecycle,
    /// The runtime of the call, as the attempt may be dropped outside of it.
    runtime: Handle,
    stop: watch::Receiver<bool>,
    has_succeeded: bool,
}

impl Attempt<'_> {
    fn succeed(mut self, opened: Opened<Welcome>) -> Result<Connected, RuntimeError> {
        let mut phase = self.lifecycle.phase();
        let Phase::Connecting(stop) = &*phase else { return Err(stopped()) };
        let connected = opened.welcome.connected.clone();
        let shared = Arc::clone(&self.lifecycle.shared);
        // Before the application can ask, and before the connection may report something newer.
        shared.reporter.state(ConnectionState::Connected);
        let reconnect = self.lifecycle.reconnect.clone();
        let protocol = AgentProtocol::new(Arc::clone(&shared));
        let connection = Connection { protocol, opener: shared, reconnect, stop: stop.subscribe() };
        let mut task = JoinSet::new();
        task.spawn(connection.run(Some(opened)));
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
            // Locked until everything is cleared, so that the next attempt begins after that.
            let mut phase = self.lifecycle.phase();
            let session = self.lifecycle.shared.session().take();
            if let Some(session) = session {
                self.lifecycle.session_ends.report(&self.runtime, Arc::clone(&self.lifecycle.shared), session);
            }
            self.lifecycle.shared.clear();
            self.lifecycle.shared.reporter.disconnected();
            *phase = Phase::Idle;
        }
    }
}

impl SessionEnds {
    /// Tells the gateway of the end of a session, on a task.
    fn report(&self, runtime: &Handle, shared: Arc<SharedState>, session: Connected) {
        let running = self.running.subscribe();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Finished tasks are removed.
        while tasks.try_join_next().is_some() {}
        let report = async move {
            shared.report_end(session).await;
            drop(running);
        };
        tasks.spawn_on(report, runtime);
    }

    /// Waits until no report is under way; each has a time limit.
    async fn reported(&self) {
        self.running.closed().await;
    }
}

fn stopped() -> RuntimeError {
    RuntimeError::new(RuntimeErrorKind::Disconnected, "the client was disconnected before it had a session")
}
