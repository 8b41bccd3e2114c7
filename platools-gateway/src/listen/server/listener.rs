//! [`Listener`]: accepts connections, and owns their tasks.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::client_address::ClientAddresses;
use super::connection::Connection;
use super::setup::Setup;
use crate::domain::lock::lock;
use crate::limits::Admission;

/// The listening socket of a server.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    /// Shared by the runs of the task that accepts: one that panicked leaves it open for the next. None from the drain on.
    socket: Arc<Mutex<Option<Arc<TcpListener>>>>,
    setup: Setup,
    /// Cancelled when no further connections are accepted. Connections then end after the request that they are serving.
    draining: CancellationToken,
    /// The requests that are being answered.
    requests: TaskTracker,
}

/// The delay when no connection can be accepted, as when the process has no file descriptors left.
const RETRY: Duration = Duration::from_millis(500);

impl Listener {
    pub(super) fn new(socket: TcpListener, setup: Setup, draining: CancellationToken, requests: TaskTracker) -> Self {
        Self { socket: Arc::new(Mutex::new(Some(Arc::new(socket)))), setup, draining, requests }
    }

    /// Accepts connections until the drain, and waits until the last of them has ended.
    pub(super) async fn run(self) {
        let open = lock(&self.socket).clone();
        let Some(socket) = open else { return };
        let mut connections = JoinSet::new();
        loop {
            // Every arm is cancel-safe.
            tokio::select! {
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer, &mut connections),
                    Err(error) => wait_after(&error).await,
                },
                Some(ended) = connections.join_next() => log_panic(ended),
                () = self.draining.cancelled() => break,
            }
        }
        // From here on nobody can connect.
        lock(&self.socket).take();
        drop(socket);
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    }

    /// Serves a connection in a task of its own, unless its address has far too many.
    fn admit(&self, stream: TcpStream, peer: std::net::SocketAddr, connections: &mut JoinSet<()>) {
        let Setup { routes, limiter, certificates, .. } = &self.setup;
        let (routes, place) = match limiter.admit_connection(peer.ip()) {
            Admission::Serve(place) => (routes.clone(), place),
            Admission::TurnAway(place) => (routes.clone().all_over_limit(), place),
            Admission::Drop => return,
        };
        let clients = ClientAddresses::new(peer, Arc::clone(limiter));
        let connection = Connection::new(routes, clients, self.draining.clone(), self.requests.clone());
        let span = tracing::debug_span!("connection", peer.address = %peer);
        connections.spawn(connection.serve(stream, place, certificates.clone()).instrument(span));
    }
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "connection task panicked");
    }
}

/// Keeps the loop from spinning when the system is out of something.
async fn wait_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    // These are about one connection, which is gone.
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "connection not accepted; trying again");
        sleep(RETRY).await;
    }
}
