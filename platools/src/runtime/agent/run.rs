//! The run of a client that is connected: sockets, one after the other.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{Instrument, debug, info, info_span, warn};

use super::core::Core;
use super::event::RuntimeEvent;
use super::opening::Opened;
use super::session::run_session;
use crate::error::{Error, ErrorKind, WithCauses};
use crate::link::{ConnectionState, Disconnect, Heartbeat, Schedule, next_delay};
use crate::wire::runtime::{HeartbeatReply, path};

/// What the end of a client that found no way back is called, in the protocol's own words.
const EXHAUSTED: &str = "max retries exceeded";

/// What a run works with; it lives on a task of its own.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) core: Arc<Core>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Run {
    /// Stays connected until the client is disconnected or the policy gives up; begins with the first socket.
    pub(super) async fn run(mut self, first: Opened) {
        match self.keep_connected(first).await {
            Ok(()) => self.core.say_farewell().await,
            Err(error) => self.give_up(&error),
        }
    }

    async fn keep_connected(&mut self, first: Opened) -> Result<(), Error> {
        let mut pulse = Heartbeat::new(self.core.heartbeat_interval, Instant::now());
        let mut schedule = Schedule::new(self.core.reconnect.clone());
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
    fn give_up(&self, error: &Error) {
        warn!(error = %WithCauses(error), "the client has given up");
        let reason = match error.kind() {
            ErrorKind::RetriesExhausted => EXHAUSTED.to_owned(),
            _ => WithCauses(error).to_string(),
        };
        self.core.clear();
        self.core.reporter.state(ConnectionState::Disconnected);
        let failed = RuntimeEvent::failed(&reason);
        self.core.events.publish(failed.kind(), &failed);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
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

/// Keeps the session alive while there is no socket, for as long as the gateway knows it.
async fn keep_alive(core: &Core, pulse: &mut Heartbeat) -> Infallible {
    pulse.answered();
    loop {
        sleep_until(pulse.next()).await;
        pulse.sent(Instant::now());
        pulse.answered();
        match core.gateway.ask_once::<HeartbeatReply>("POST", path::HEARTBEAT, ()).await {
            Ok(_) => {}
            Err(error) if error.status() == Some(404) => {
                debug!("the session has ended on the gateway");
                return pending().await;
            }
            Err(error) => debug!(%error, "a heartbeat did not arrive"),
        }
    }
}
