//! Accepts connections and serves HTTP over each.

mod allowance;
mod byte_activity;
mod client_address;
mod connection;
mod linger;
mod tls;
mod tracked_stream;
mod waiting_response;
mod write_deadline;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(super) use byte_activity::Traffic;

use client_address::Origin;
use connection::Connection;

use crate::background::tasks::Tasks;
#[cfg(test)]
use crate::limits::Limits;
use crate::limits::{Admission, Limiter};
use crate::tls::Certificates;

/// The time that connections have to take their last answers when the server ends.
const GRACE: Duration = Duration::from_secs(1);

/// The delay when no connection can be accepted, as when the process has no file descriptors left.
const RETRY: Duration = Duration::from_millis(500);

/// The parts that serve connections.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The routers.
    pub(crate) routes: Routes,
    /// The limiter of connections.
    pub(crate) limiter: Arc<Limiter>,
    /// For TLS, if it is spoken.
    pub(crate) certificates: Option<Certificates>,
    /// The tasks among which the one that accepts connections runs.
    pub(crate) tasks: Tasks,
}

/// The routers for requests.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    /// Router of usual requests.
    pub(super) served: Router,
    /// Router of requests from addresses with too many connections.
    pub(super) turned_away: Router,
    /// Router of requests whose response does not fit among those that wait to be read.
    pub(super) busy: Router,
}

impl Routes {
    fn all_turned_away(self) -> Self {
        Self { served: self.turned_away.clone(), ..self }
    }
}

/// A server that runs. Dropping it ends every connection at once, except sockets that were upgraded.
#[derive(Debug)]
pub(crate) struct Server {
    task: AbortOnDropHandle<()>,
    stopping: CancellationToken,
    requests: TaskTracker,
}

impl Server {
    /// Begins to serve.
    pub(crate) fn start(listener: TcpListener, setup: Setup) -> Self {
        let (stopping, requests) = (CancellationToken::new(), TaskTracker::new());
        // Here, so that it stays open when the task has to be started again.
        let listener = Arc::new(Mutex::new(Some(Arc::new(listener))));
        let tasks = setup.tasks.clone();
        let accepting = {
            let (stopping, requests) = (stopping.clone(), requests.clone());
            move || accept(Arc::clone(&listener), setup.clone(), stopping.clone(), requests.clone())
        };
        Self { task: tasks.keep("accept", accepting), stopping, requests }
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

/// The listener, until nobody may connect any more.
type Listening = Arc<Mutex<Option<Arc<TcpListener>>>>;

async fn accept(listening: Listening, setup: Setup, stopping: CancellationToken, requests: TaskTracker) {
    let Setup { routes, limiter, certificates, .. } = setup;
    let open = listening.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(listener) = open else { return };
    let mut tasks = JoinSet::new();
    loop {
        let (stream, remote) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    wait_after(&error).await;
                    continue;
                }
            },
            Some(_) = tasks.join_next() => continue,
            () = stopping.cancelled() => break,
        };
        let (routes, place) = match limiter.connection(remote.ip()) {
            Admission::Serve(place) => (routes.clone(), place),
            Admission::TurnAway(place) => (routes.clone().all_turned_away(), place),
            Admission::Drop => continue,
        };
        let from = Origin::new(remote, Arc::clone(&limiter));
        let connection = Connection::new(routes, from, stopping.clone(), requests.clone());
        tasks.spawn(connection.serve(stream, place, certificates.clone()));
    }
    // From here on nobody can connect.
    listening.lock().unwrap_or_else(PoisonError::into_inner).take();
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

#[cfg(test)]
impl Setup {
    /// No TLS, and the usual limits.
    pub(crate) fn plain(router: Router) -> Self {
        let routes = Routes { served: router, turned_away: Router::new(), busy: Router::new() };
        let limiter = Arc::new(Limiter::new(&Limits::default()));
        Self { routes, limiter, certificates: None, tasks: Tasks::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use axum::body::{Body, Bytes};
    use axum::routing::post;
    use futures::{StreamExt as _, stream};

    use super::connection::HEAD;
    use super::{write_deadline, *};

    const PATIENCE: Duration = Duration::from_secs(20);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    async fn server() -> (Server, TcpStream) {
        let router = Router::new().route("/", get(async |ConnectInfo(from): ConnectInfo<SocketAddr>| from.to_string()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::start(listener, Setup::plain(router));
        (server, TcpStream::connect(address).await.unwrap())
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

    async fn serve(router: Router) -> (Server, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Server::start(listener, Setup::plain(router)), TcpStream::connect(address).await.unwrap())
    }

    #[tokio::test]
    async fn a_head_over_32_kib_is_answered_with_431_also_while_more_of_it_comes() {
        let (_server, mut client) = server().await;
        let head = [REQUEST.strip_suffix(b"\r\n").unwrap(), b"X: ", &[b'a'; 400_000]].concat();
        // The server stops reading, but the client is not kept from sending.
        client.write_all(&head).await.unwrap();
        assert!(read_until(&mut client, "").await.starts_with("HTTP/1.1 431 "));

        let (_server, mut client) = server().await;
        let own = client.local_addr().unwrap().to_string();
        let head = [REQUEST.strip_suffix(b"\r\n").unwrap(), b"X: ", &[b'a'; 30_000], b"\r\n\r\n"].concat();
        client.write_all(&head).await.unwrap();
        assert!(read_until(&mut client, &own).await.starts_with("HTTP/1.1 200 "));
    }

    #[tokio::test]
    async fn an_answer_that_comes_before_the_body_was_read_arrives() {
        let (_server, mut client) = serve(Router::new().route("/", post(async || "enough"))).await;
        let length = 8 * 1024 * 1024;
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&vec![0; length]).await.unwrap();
        assert!(read_until(&mut client, "").await.ends_with("enough"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_nobody_reads_ends_and_one_that_has_nothing_to_say_does_not() {
        for is_endless in [true, false] {
            let answer = async move || {
                let (first, more) = (Bytes::from_static(b"x"), Bytes::from_static(&[b'x'; 65536]));
                let rest = if is_endless { stream::repeat(more).boxed() } else { stream::pending().boxed() };
                Body::from_stream(stream::iter([first]).chain(rest).map(Ok::<_, io::Error>))
            };
            let (_server, mut client) = serve(Router::new().route("/", get(answer))).await;
            client.write_all(REQUEST).await.unwrap();
            client.read_u8().await.unwrap();
            sleep(write_deadline::LIMIT * 2).await;
            // What the system has of it is there to be read, and nothing comes after it.
            let rest = async { while let Ok(1..) = client.read(&mut [0; 65536]).await {} };
            assert_eq!(timeout(write_deadline::LIMIT, rest).await.is_ok(), is_endless);
        }
    }
}
