//! The run of a client: sockets, one after the other.

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing::{Instrument, info, info_span};

use super::event::RpcEvent;
use super::exchange::Outgoing;
use super::opening::{Opened, Opener};
use super::session::run_session;
use platools_protocol::rpc::Connected;
use platools_transport::{ConnectionState, Disconnect, Reconnect, Reporter, Schedule, next_delay};
use platools_transport::{Error, ErrorKind};

/// The parts of a run, which lives on a task of its own.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) opener: Opener,
    pub(super) reconnect: Reconnect,
    pub(super) requests: mpsc::Receiver<Outgoing>,
    pub(super) reporter: Reporter<RpcEvent>,
    pub(super) identity: watch::Sender<Option<Connected>>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Run {
    /// Stays connected until the client is closed or the policy gives up; begins with the first socket, if that is open.
    pub(super) async fn run(mut self, first: Option<Opened>) {
        if let Err(error) = self.keep_connected(first).await {
            self.reporter.failed(&error);
        }
    }

    async fn keep_connected(&mut self, first: Option<Opened>) -> Result<(), Error> {
        let mut schedule = Schedule::new(self.reconnect.clone());
        let mut next = first;
        while !*self.stop.borrow() {
            let opened = match next.take() {
                Some(opened) => Ok(opened),
                None => {
                    self.reporter.state(ConnectionState::Connecting);
                    tokio::select! {
                        opened = self.opener.open() => opened,
                        _ = self.stop.wait_for(|stop| *stop) => return Ok(()),
                    }
                }
            };
            let error = match opened {
                Ok(opened) => {
                    let ended = self.serve(opened, &mut schedule).await;
                    if ended == Disconnect::Stopped {
                        return Ok(());
                    }
                    Error::new(ErrorKind::Connection, format!("the connection ended: {ended}"))
                }
                Err(error) => error,
            };
            let delay = next_delay(&mut schedule, error, &self.reporter)?;
            tokio::select! {
                () = sleep(delay) => {}
                // A close ends the wait at once.
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
        }
        Ok(())
    }

    async fn serve(&mut self, opened: Opened, schedule: &mut Schedule) -> Disconnect {
        self.identity.send_replace(Some(opened.connected.clone()));
        self.reporter.state(ConnectionState::Connected);
        self.reporter.event(RpcEvent::Connected(opened.connected.clone()));
        let span = info_span!("rpc");
        let session = run_session(opened, &mut self.requests, &self.reporter, &mut self.stop);
        let ended = session.instrument(span.clone()).await;
        span.in_scope(|| info!(reason = %ended.reason, "the socket has ended"));
        schedule.after_session(true, ended.up);
        self.reporter.event(RpcEvent::Disconnected(ended.reason.clone()));
        ended.reason
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.reporter.disconnected();
    }
}
