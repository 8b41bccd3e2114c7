//! [`Listener`]: accepts the connections of a local MCP server and serves each of them.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::request_handler::RequestHandler;

/// The most connections; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;

/// The time for a client to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(15);

/// The time for responses on their way when the server ends.
const GRACE: Duration = Duration::from_secs(1);

/// The pause when no connection can be accepted, as when the process has no file descriptors left.
const RETRY: Duration = Duration::from_millis(500);

/// Accepts connections and answers what they ask. Dropping it ends them all.
#[derive(Debug)]
pub(super) struct Listener {
    listener: TcpListener,
    handler: RequestHandler,
    closing: CancellationToken,
}

impl Listener {
    pub(super) fn new(listener: TcpListener, handler: RequestHandler) -> Self {
        Self { listener, handler, closing: CancellationToken::new() }
    }

    /// Takes a handle that closes it.
    pub(super) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Serves until it is closed and the other future has ended, with a moment for the last answers after that.
    pub(super) async fn serve(self, ending: impl Future<Output = ()>) {
        let Self { listener, handler, closing } = self;
        let mut connections = JoinSet::new();
        tokio::join!(accept(listener, &handler, &closing, &mut connections), ending);
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(GRACE, all).await.is_err() {
            tracing::debug!("some connections did not end by themselves");
        }
    }
}

async fn accept(
    listener: TcpListener,
    handler: &RequestHandler,
    closing: &CancellationToken,
    connections: &mut JoinSet<()>,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = next => accepted,
            Some(_) = connections.join_next() => continue,
            () = closing.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => drop(connections.spawn(serve(stream, handler.clone(), closing.clone(), place))),
            Err(error) => wait_after(&error).await,
        }
    }
}

/// Serves one connection until its client closes it; once the server closes, until what was asked is answered.
async fn serve(stream: TcpStream, handler: RequestHandler, closing: CancellationToken, _place: OwnedSemaphorePermit) {
    // Events are small and must not wait for one another.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler.answer(request).await) }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
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
