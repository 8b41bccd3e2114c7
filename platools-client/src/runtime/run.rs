//! The run of a client that is connected: sockets, one after the other.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{Instrument, debug, info, info_span, warn};

use super::core::Core;
use super::event::RuntimeEvent;
use super::opening::Opened;
use super::session::run_session;
use platools_protocol::runtime::{HeartbeatReply, path};
use platools_transport::{ConnectionState, Disconnect, Heartbeat, Schedule, next_delay};
use platools_transport::{Error, ErrorKind, WithCauses};

/// The reason for the end of a client that could not connect again, in the protocol's words.
const EXHAUSTED: &str = "max retries exceeded";

/// The parts of a run, which lives on a task of its own.
#[derive(Debug)]
pub(super) struct Run {
    core: Arc<Core>,
    /// Closed when the client may be connected again.
    stop: watch::Receiver<bool>,
    /// Another run may have what they share by now.
    has_given_up: bool,
}

impl Run {
    pub(super) fn new(core: Arc<Core>, stop: watch::Receiver<bool>) -> Self {
        Self { core, stop, has_given_up: false }
    }

    /// Stays connected until the client is disconnected or the policy gives up; begins with the first socket.
    pub(super) async fn run(mut self, first: Opened) {
        match self.keep_connected(first).await {
            Ok(()) => self.core.say_farewell().await,
            Err(error) => self.give_up(&error),
        }
    }

    async fn keep_connected(&mut self, first: Opened) -> Result<(), Error> {
        let mut pulse = Heartbeat::new(self.core.settings.heartbeat_interval, Instant::now());
        let mut schedule = Schedule::new(self.core.settings.reconnect.clone());
        let mut opened = first;
        loop {
            let ended = self.serve(opened, &mut pulse, &mut schedule).await;
            if ended == Disconnect::Stopped {
                return Ok(());
            }
            let lost = Error::new(ErrorKind::Connection, format!("the connection ended: {ended}"));
            let core = Arc::clone(&self.core);
            opened = tokio::select! {
                again = connect_again(&core, &mut schedule, lost) => again?,
                never = keep_alive(&core, &mut pulse) => match never {},
                _ = self.stop.wait_for(|stop| *stop) => return Ok(()),
            };
        }
    }

    async fn serve(&mut self, opened: Opened, pulse: &mut Heartbeat, schedule: &mut Schedule) -> Disconnect {
        let since = Instant::now();
        let span = info_span!("runtime", agent.id = %opened.connected.agent_id);
        self.core.reporter.state(ConnectionState::Connected);
        let session = run_session(&self.core, opened, pulse, &mut self.stop);
        let ended = session.instrument(span.clone()).await;
        span.in_scope(|| info!(reason = %ended, "the socket has ended"));
        schedule.after_session(true, since.elapsed());
        ended
    }

    /// The client goes back to where it was before it was connected, and says why.
    fn give_up(&mut self, error: &Error) {
        warn!(error = %WithCauses(error), "the client has given up");
        let reason = match error.kind() {
            ErrorKind::RetriesExhausted => EXHAUSTED.to_owned(),
            _ => WithCauses(error).to_string(),
        };
        self.core.clear();
        self.has_given_up = true;
        // Before anybody is told, who may connect at once.
        self.stop = watch::channel(true).1;
        self.core.reporter.state(ConnectionState::Disconnected);
        let failed = RuntimeEvent::failed(&reason);
        self.core.events.publish(failed.kind(), &failed);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.has_given_up {
            return;
        }
        self.core.clear();
        self.core.reporter.disconnected();
    }
}

/// Opens sockets until one is open. Not cancel-safe, and only dropped to be given up.
async fn connect_again(core: &Core, schedule: &mut Schedule, lost: Error) -> Result<Opened, Error> {
    let mut error = lost;
    loop {
        sleep(next_delay(schedule, error, &core.reporter)?).await;
        match core.open().await {
            Ok(opened) => return Ok(opened),
            Err(failed) => error = failed.into(),
        }
    }
}

/// Keeps the session alive while there is no socket, for as long as the gateway knows it. One that has ended is not begun by a
/// heartbeat over HTTP, but by the next attempt to connect.
async fn keep_alive(core: &Core, pulse: &mut Heartbeat) -> Infallible {
    let mut ended = None;
    pulse.answered();
    loop {
        sleep_until(pulse.next()).await;
        pulse.sent(Instant::now());
        pulse.answered();
        let session = core.session().as_ref().map(|session| session.session_id.clone());
        if session == ended {
            continue;
        }
        match core.gateway.ask_once::<HeartbeatReply>("POST", path::HEARTBEAT, ()).await {
            Ok(_) => {}
            Err(error) if error.status() == Some(404) => {
                debug!("the session has ended on the gateway");
                ended = session;
            }
            Err(error) => debug!(%error, "a heartbeat did not arrive"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::core::Settings;
    use super::super::gateway::Gateway;
    use super::*;
    use platools_protocol::runtime::Connected;
    use platools_transport::{Dialler, Endpoint, Reconnect, Secret, Tls};

    #[tokio::test]
    async fn who_is_told_that_the_client_has_given_up_finds_it_free_and_what_comes_then_is_left_alone() {
        let limit = Duration::from_secs(1);
        let dialler = Dialler::new(Endpoint::Agent, "http://127.0.0.1:1", &Tls::new(), limit).expect("a dialler");
        let gateway = Gateway::new(dialler, Secret::from("k"), limit);
        let reconnect = Reconnect::of_sessions();
        let settings = Settings { reconnect, heartbeat_interval: limit, metadata: None, private_key: None };
        let core = Arc::new(Core::new(gateway, settings));
        let (stop, stopped) = watch::channel(false);
        let mut run = Run::new(Arc::clone(&core), stopped);
        run.give_up(&Error::new(ErrorKind::RetriesExhausted, "gone"));
        assert!(stop.is_closed());
        core.reporter.state(ConnectionState::Connecting);
        *core.session() = Some(Connected::new("another", "agent", "0x1", ""));
        drop(run);
        assert!(core.session().is_some());
        assert_eq!(*core.reporter.watch().borrow(), ConnectionState::Connecting);
    }
}
