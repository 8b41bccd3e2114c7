//! [`Run`]: runs a client once, from its start to its stop. It opens one socket after the other and serves the platform over each.

use std::pin::pin;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, Span, info, info_span, warn};

use super::takeovers::Takeovers;
use crate::link::{
    Connector, Event, LinkThread, OpenedSocket, Replacement, Reporter, SessionEnd, Worker, at, run_session,
};
use platools_transport::{ConnectionState, Disconnect, Reconnect, Schedule, next_delay, run_scoped};
use platools_transport::{Error, ErrorKind, WithCauses};

/// The state of a run, which lives on a task of its own.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) connector: Connector,
    pub(super) worker: Worker,
    pub(super) reconnect: Reconnect,
    pub(super) reporter: Reporter,
    pub(super) stop: watch::Receiver<bool>,
    /// True if a client that stops has begun its last dial.
    pub(super) has_dialled_last: bool,
    /// Counts the takeovers by other workers.
    pub(super) takeovers: Takeovers,
}

impl Run {
    /// The thread of the link, if it gets one; the caller's runtime is that of the application.
    pub(super) fn prepare_link_thread(&mut self) -> Option<LinkThread> {
        let thread = self.worker.prepare_link_thread();
        if thread.is_some() {
            self.connector = self.connector.within(&Handle::current());
        }
        thread
    }

    /// Connects, and connects again, until the client is stopped or the policy gives up.
    pub(super) async fn keep_connected(&mut self) -> Result<(), Error> {
        let mut schedule = Schedule::new(self.reconnect.clone());
        let mut replacement = Replacement::new(self.connector.clone(), self.reconnect.clone());
        let mut next: Option<Box<OpenedSocket>> = None;
        // A socket that has taken over is served even if the client is stopped meanwhile: it delivers what is left.
        while next.is_some() || self.may_dial() {
            let ended = match next.take() {
                Some(opened) => Ok(self.serve(*opened, &mut replacement).await),
                None => self.one_session(&mut replacement).await,
            };
            let error = match ended {
                Ok(SessionEnd { reason: Disconnect::Stopped, .. }) => break,
                Ok(ended) => {
                    // Two workers of one entity take turns at superseding each other; the delay has to grow for them.
                    schedule.after_session(ended.accepted && !ended.reason.is_superseded(), ended.up);
                    let error = as_error(&ended.reason);
                    next = match ended.next {
                        Some(next) => Some(next),
                        None => self.last_attempt(&mut replacement).await,
                    };
                    error
                }
                Err(error) => {
                    self.reporter.event(Event::NotConnected { reason: WithCauses(&error).to_string() });
                    error
                }
            };
            if next.is_none() {
                self.wait(&mut schedule, error).await?;
            }
        }
        Ok(())
    }

    /// Returns true if the run may dial again. A client that stops dials once more, and only if it has something to deliver.
    fn may_dial(&mut self) -> bool {
        if !*self.stop.borrow() {
            return true;
        }
        let now = Instant::now();
        let is_in_time = now < self.worker.stop(now).until;
        !std::mem::replace(&mut self.has_dialled_last, true) && is_in_time && self.worker.has_work()
    }

    /// Connects once, and serves the platform until the socket ends or its replacement takes over.
    pub(super) async fn one_session(&mut self, replacement: &mut Replacement) -> Result<SessionEnd, Error> {
        self.reporter.state(ConnectionState::Connecting);
        let span = self.span();
        match self.dial().instrument(span).await? {
            Some(opened) => Ok(self.serve(opened, replacement).await),
            None => Ok(SessionEnd::before_opening(Disconnect::Stopped)),
        }
    }

    /// Opens a socket; none if the client stops before, and has nothing to deliver or no time left.
    async fn dial(&mut self) -> Result<Option<OpenedSocket>, Error> {
        let mut dial = pin!(self.connector.dial());
        loop {
            let until = self.worker.stopping.map(|stopping| stopping.until);
            tokio::select! {
                dialled = dial.as_mut() => {
                    let (socket, secret) = dialled?;
                    return Ok(Some(OpenedSocket::dialled(socket, secret)));
                }
                _ = self.stop.wait_for(|stop| *stop), if until.is_none() => {
                    if !self.worker.has_work() {
                        return Ok(None);
                    }
                    self.worker.stop(Instant::now());
                }
                () = at(until) => return Ok(None),
                never = self.worker.between_sockets() => match never {},
            }
        }
    }

    /// The span for the log of one socket and its dial; the number tells the clients of a process apart.
    fn span(&self) -> Span {
        info_span!("link", client.number = self.worker.number)
    }

    async fn serve(&mut self, opened: OpenedSocket, replacement: &mut Replacement) -> SessionEnd {
        let span = self.span();
        let session = run_session(&mut self.worker, opened, replacement, &mut self.stop);
        let ended = session.instrument(span.clone()).await;
        span.in_scope(|| {
            info!(reason = %ended.reason, "socket ended");
            self.note_takeover(&ended.reason);
        });
        self.reporter.event(Event::Disconnected(ended.reason.clone()));
        ended
    }

    /// Warns of another worker that keeps taking the place of this one.
    fn note_takeover(&mut self, reason: &Disconnect) {
        if reason.is_superseded()
            && let Some(takeovers) = self.takeovers.note(Instant::now())
        {
            let (entity, environment) = &self.worker.scope;
            warn!(
                entity = entity.as_deref(),
                environment.id = environment.as_deref(),
                takeovers,
                "another worker of this entity keeps taking the place of this one: both connect with its secret. Stop one of them, or host \
                 their tools under an entity with the policy `pool`, or under one entity each"
            );
        }
    }

    /// The socket that was about to take over when the one before it ended.
    async fn last_attempt(&mut self, replacement: &mut Replacement) -> Option<Box<OpenedSocket>> {
        tokio::select! {
            next = replacement.last_attempt() => next,
            _ = self.stop.wait_for(|stop| *stop) => None,
            never = self.worker.between_sockets() => match never {},
        }
    }

    /// Gives up the calls that still run, and tells what is lost.
    pub(super) fn finish(&mut self) {
        self.worker.cancel_calls();
        let lost = self.worker.unconfirmed();
        if lost > 0 {
            let _span = self.span().entered();
            warn!(replies.unconfirmed = lost, "worker stopped with replies that the platform has not confirmed");
        }
    }

    /// Waits for the next attempt, or gives up. A client that stops does neither.
    async fn wait(&mut self, schedule: &mut Schedule, error: Error) -> Result<(), Error> {
        if *self.stop.borrow() {
            self.span().in_scope(|| warn!(error = %WithCauses(&error), "not connected while the client stops"));
            return Ok(());
        }
        let delay = self.span().in_scope(|| next_delay(schedule, error, &self.reporter))?;
        tokio::select! {
            () = sleep(delay) => {}
            // A stop ends the wait at once.
            _ = self.stop.wait_for(|stop| *stop) => {}
            never = self.worker.between_sockets() => match never {},
        }
        Ok(())
    }
}

/// Runs a part of a run on the thread of its link; as a task where it has none. Either ends with the caller.
pub(super) async fn run_on_link_thread<F>(thread: Option<LinkThread>, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    match thread {
        Some(thread) => thread.run(future).await,
        // The future of `main` is polled outside of the runtime's worker threads; a link there would wake another thread for every frame and
        // every call.
        None => match run_scoped(&Handle::current(), future).await {
            Some(output) => output,
            // Its runtime shuts down, and then nobody polls this again.
            None => std::future::pending().await,
        },
    }
}

fn as_error(reason: &Disconnect) -> Error {
    let kind = match reason {
        // Other codes refuse a worker that could not be checked: it may be right.
        Disconnect::Refused { code: Some(1008), .. } => ErrorKind::Refused,
        _ => ErrorKind::Connection,
    };
    Error::new(kind, format!("the connection ended: {reason}"))
}
