//! Accepts connections and serves HTTP over each.

mod handshake;
mod traffic;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(super) use traffic::Traffic;

use handshake::handshake;
use traffic::Watched;

use crate::tls::Certificates;

/// How long a connection may take to send the head of its next request. It also ends connections that are kept alive idly.
const HEAD: Duration = Duration::from_secs(10);

/// How long connections have to take their last answers when the server ends.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait when no connection can be accepted, as when the process has no file descriptors left.
const RETRY: Duration = Duration::from_millis(500);

/// A server that runs. Dropping it ends every connection at once, except sockets that were upgraded.
#[derive(Debug)]
pub(crate) struct Server {
    task: AbortOnDropHandle<()>,
    stopping: CancellationToken,
    requests: TaskTracker,
}

impl Server {
    /// Begins to serve, over TLS if there are certificates.
    pub(crate) fn start(listener: TcpListener, router: Router, certificates: Option<Certificates>) -> Self {
        let (stopping, requests) = (CancellationToken::new(), TaskTracker::new());
        let connections = Connections {
            router: TowerToHyperService::new(router),
            certificates,
            stopping: stopping.clone(),
            requests: requests.clone(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(accept(listener, connections)));
        Self { task, stopping, requests }
    }

    /// Takes no new connections, and no further requests on those there are.
    pub(crate) fn stop(&self) {
        self.stopping.cancel();
        self.requests.close();
    }

    /// Waits until the requests that came before [`Server::stop`] are answered.
    pub(crate) async fn idle(&self) {
        self.requests.wait().await;
    }

    /// Ends every connection, after a moment for the last answers. One that has not even sent the head of its request is not
    /// waited for any longer than that.
    pub(crate) async fn end(&mut self) {
        if timeout(GRACE, &mut self.task).await.is_err() {
            tracing::debug!("some connections did not end by themselves");
            self.task.abort();
            // The connections are gone when the task is.
            let _ = (&mut self.task).await;
        }
    }
}

/// What every connection needs.
#[derive(Debug, Clone)]
struct Connections {
    router: TowerToHyperService<Router>,
    certificates: Option<Certificates>,
    stopping: CancellationToken,
    requests: TaskTracker,
}

async fn accept(listener: TcpListener, connections: Connections) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => drop(tasks.spawn(connections.clone().serve(stream, remote))),
                Err(error) => wait_after(&error).await,
            },
            Some(_) = tasks.join_next() => {}
            () = connections.stopping.cancelled() => break,
        }
    }
    // From here on nobody can connect.
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Keeps the loop from spinning when the system is out of something.
async fn wait_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    // These are about one connection, which is gone.
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "no connection can be accepted");
        sleep(RETRY).await;
    }
}

impl Connections {
    /// Serves one connection until it ends or is upgraded.
    async fn serve(self, stream: TcpStream, remote: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small packets of a connection may be delayed");
        }
        let traffic = Traffic::new();
        // Below TLS: bytes of a record move before there is anything to read in it, and what TLS took to send has not moved
        // yet.
        let stream = Watched::new(stream, traffic.clone());
        match self.certificates.clone() {
            None => self.speak(stream, remote, traffic).await,
            // In a box, so that a connection without TLS does not have the size of one with it.
            Some(certificates) => Box::pin(self.secure(stream, remote, traffic, certificates)).await,
        }
    }

    /// Makes the handshake, unless the server stops before, and serves what is inside.
    async fn secure(
        self,
        stream: Watched<TcpStream>,
        remote: SocketAddr,
        traffic: Traffic,
        certificates: Certificates,
    ) {
        let secured = tokio::select! {
            secured = handshake(stream, &certificates) => secured,
            () = self.stopping.cancelled() => None,
        };
        if let Some(stream) = secured {
            self.speak(stream, remote, traffic).await;
        }
    }

    /// Speaks HTTP over a stream until it ends or is upgraded.
    async fn speak<S>(self, stream: S, remote: SocketAddr, traffic: Traffic)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(stream);
        let service = service_fn(|request| self.answer(request, remote, traffic.clone()));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let mut connection = std::pin::pin!(http.serve_connection(io, service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
    }

    /// Answers one request, which tells handlers where it came from and what moves over its connection.
    fn answer(
        &self,
        request: Request<Incoming>,
        remote: SocketAddr,
        traffic: Traffic,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(remote));
        request.extensions_mut().insert(traffic);
        tracked(self.requests.token(), self.router.call(request))
    }
}

async fn tracked<T>(_token: TaskTrackerToken, what: impl Future<Output = T>) -> T {
    what.await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    async fn server() -> (Server, TcpStream) {
        let router = Router::new().route("/", get(async |ConnectInfo(from): ConnectInfo<SocketAddr>| from.to_string()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Server::start(listener, router, None), TcpStream::connect(address).await.unwrap())
    }

    /// Reads until the text, or to the end of the connection.
    async fn read_until(client: &mut TcpStream, end: &str) -> String {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).ends_with(end) || end.is_empty() {
            let bytes = timeout(PATIENCE, client.read_buf(&mut read)).await.expect("it took too long").unwrap_or(0);
            if bytes == 0 {
                break;
            }
        }
        String::from_utf8(read).unwrap()
    }

    #[tokio::test]
    async fn handlers_know_where_a_request_came_from_and_connections_are_kept_alive() {
        let (_server, mut client) = server().await;
        let own = client.local_addr().unwrap().to_string();
        for _ in 0..2 {
            client.write_all(REQUEST).await.unwrap();
            assert!(read_until(&mut client, &own).await.ends_with(&own));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_not_complete_in_time_ends_its_connection() {
        let (_server, mut client) = server().await;
        let begun = tokio::time::Instant::now();
        client.write_all(&REQUEST[..10]).await.unwrap();
        read_until(&mut client, "").await;
        assert_eq!(begun.elapsed().as_secs(), HEAD.as_secs());
    }

    #[tokio::test]
    async fn dropping_the_server_ends_connections_that_are_kept_alive() {
        let (server, mut client) = server().await;
        let own = client.local_addr().unwrap().to_string();
        client.write_all(REQUEST).await.unwrap();
        read_until(&mut client, &own).await;
        drop(server);
        assert_eq!(read_until(&mut client, "").await, "");
    }

    #[tokio::test]
    async fn a_server_that_stops_takes_no_connections_and_does_not_wait_for_half_a_request() {
        let (mut server, mut client) = server().await;
        let address = client.peer_addr().unwrap();
        client.write_all(&REQUEST[..10]).await.unwrap();
        server.stop();
        timeout(PATIENCE, server.idle()).await.unwrap();
        timeout(HEAD / 2, server.end()).await.expect("it ends before the head's time is over");
        TcpStream::connect(address).await.unwrap_err();
    }
}
