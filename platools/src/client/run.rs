//! The run of a client: sockets, one after the other.

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{Instrument, info, info_span, warn};

use crate::error::{Error, ErrorKind};
use crate::link::{
    ConnectionState, Connector, Disconnect, Ended, Event, Opened, Reconnect, Reporter, Schedule, Successor, Worker,
    next_delay, run_session,
};

/// What a run works with; it lives on a task of its own.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) connector: Connector,
    pub(super) worker: Worker,
    pub(super) reconnect: Reconnect,
    pub(super) reporter: Reporter,
    pub(super) stop: watch::Receiver<bool>,
}

impl Run {
    /// Connects, and connects again, until the client is stopped or the policy gives up.
    pub(super) async fn keep_connected(&mut self) -> Result<(), Error> {
        let mut schedule = Schedule::new(self.reconnect.clone());
        let mut successor = Successor::new(self.connector.clone(), self.reconnect.clone());
        let mut next: Option<Box<Opened>> = None;
        // A socket that has taken over is served even if the client is stopped meanwhile: it delivers what is left.
        while next.is_some() || !*self.stop.borrow() {
            let ended = match next.take() {
                Some(opened) => Ok(self.serve(*opened, &mut successor).await),
                None => self.one_session(&mut successor).await,
            };
            let error = match ended {
                Ok(Ended { reason: Disconnect::Stopped, .. }) => break,
                Ok(ended) => {
                    // Two workers of one entity take turns at superseding each other; the delay has to grow for them.
                    schedule.after_session(ended.accepted && !ended.reason.is_superseded(), ended.up);
                    let error = as_error(&ended.reason);
                    next = match ended.next {
                        Some(next) => Some(next),
                        None => self.last_attempt(&mut successor).await,
                    };
                    error
                }
                Err(error) => error,
            };
            if next.is_some() {
                continue;
            }
            self.wait(&mut schedule, error).await?;
        }
        Ok(())
    }

    /// Connects once, and serves the platform until the socket ends or its successor takes over.
    pub(super) async fn one_session(&mut self, successor: &mut Successor) -> Result<Ended, Error> {
        self.reporter.state(ConnectionState::Connecting);
        let (socket, secret) = tokio::select! {
            dialled = self.connector.dial() => dialled?,
            _ = self.stop.wait_for(|stop| *stop) => return Ok(Ended::before_opening(Disconnect::Stopped)),
            never = self.worker.between_sockets() => match never {},
        };
        Ok(self.serve(Opened::dialled(socket, secret), successor).await)
    }

    async fn serve(&mut self, opened: Opened, successor: &mut Successor) -> Ended {
        let span = info_span!("link");
        let session = run_session(&mut self.worker, opened, successor, &mut self.stop);
        let ended = session.instrument(span.clone()).await;
        span.in_scope(|| info!(reason = %ended.reason, "the socket has ended"));
        self.reporter.event(Event::Disconnected(ended.reason.clone()));
        ended
    }

    /// The socket that was about to take over when the one before it ended.
    async fn last_attempt(&mut self, successor: &mut Successor) -> Option<Box<Opened>> {
        tokio::select! {
            next = successor.last_attempt() => next,
            _ = self.stop.wait_for(|stop| *stop) => None,
            never = self.worker.between_sockets() => match never {},
        }
    }

    /// Gives up the calls that still run, and tells what is lost.
    pub(super) fn finish(&mut self) {
        self.worker.cancel_calls();
        let lost = self.worker.unconfirmed();
        if lost > 0 {
            warn!(replies.unconfirmed = lost, "stopped with replies the platform has not confirmed");
        }
    }

    /// Waits for the next attempt, or gives up.
    async fn wait(&mut self, schedule: &mut Schedule, error: Error) -> Result<(), Error> {
        let delay = next_delay(schedule, error, &self.reporter)?;
        tokio::select! {
            () = sleep(delay) => {}
            // A stop ends the wait at once.
            _ = self.stop.wait_for(|stop| *stop) => {}
            never = self.worker.between_sockets() => match never {},
        }
        Ok(())
    }
}

/// Runs a future on a task of its own, which ends with the caller's.
///
/// The future of `main` is polled outside of the runtime's worker threads; a link there would wake another thread for every
/// frame and every call.
pub(super) async fn on_a_task<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut task = JoinSet::new();
    task.spawn(future);
    match task.join_next().await.expect("one task was spawned") {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels it, and then nobody polls this again.
            Err(_) => std::future::pending().await,
        },
    }
}

fn as_error(reason: &Disconnect) -> Error {
    let kind = match reason {
        Disconnect::Refused { .. } => ErrorKind::Refused,
        _ => ErrorKind::Connection,
    };
    Error::new(kind, format!("the connection ended: {reason}"))
}
