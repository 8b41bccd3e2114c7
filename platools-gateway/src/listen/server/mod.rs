//! [`Server`]: serves HTTP over the connections of one listening socket.
//!
//! [`Listener`] accepts, `Connection` is the task of one connection, `ClientAddresses` finds the client behind a proxy. Below HTTP and TLS,
//! `TrackedStream` counts bytes in [`ByteActivity`] and ends connections of peers that read too slowly.

mod byte_activity;
mod client_address;
mod connection;
mod linger;
mod listener;
mod read_allowance;
mod setup;
mod tls;
mod tracked_stream;
mod waiting_response;
mod write_deadline;

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(super) use byte_activity::ByteActivity;

pub(super) use setup::Routes;
pub(crate) use setup::Setup;

use listener::Listener;

/// A running server. Dropping it ends every connection at once, except sockets that were upgraded.
#[derive(Debug)]
pub(crate) struct Server {
    /// The task of the listener, which owns the tasks of the connections.
    task: AbortOnDropHandle<()>,
    /// Cancelled by [`Server::begin_drain`].
    draining: CancellationToken,
    /// The requests that are being answered. It is closed by [`Server::begin_drain`].
    requests: TaskTracker,
}

impl Server {
    /// Begins to serve.
    pub(crate) fn start(socket: TcpListener, setup: Setup) -> Self {
        let (draining, requests) = (CancellationToken::new(), TaskTracker::new());
        let tasks = setup.tasks.clone();
        let listener = Listener::new(socket, setup, draining.clone(), requests.clone());
        Self { task: tasks.keep("accept", move || listener.clone().run()), draining, requests }
    }

    /// Stops accepting connections, and requests on open connections.
    pub(crate) fn begin_drain(&self) {
        self.draining.cancel();
        self.requests.close();
    }

    /// Waits until the requests that came before [`Server::begin_drain`] are answered.
    pub(crate) async fn drained(&self) {
        self.requests.wait().await;
    }

    /// Ends every connection, after a moment for the last answers. A connection that has not sent the whole head of a request gets no more
    /// time than that.
    pub(crate) async fn close(&mut self) {
        if timeout(GRACE, &mut self.task).await.is_err() {
            tracing::debug!("some connections did not end by themselves");
            self.task.abort();
            // The connections are gone when the task is.
            let _ = (&mut self.task).await;
        }
    }
}

/// The time that connections have to take their last answers when the server closes.
const GRACE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::extract::ConnectInfo;
    use axum::routing::{get, post};
    use futures::{StreamExt as _, stream};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::sleep;

    use super::connection::HEADER_TIMEOUT;
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
        assert_eq!(begun.elapsed().as_secs(), HEADER_TIMEOUT.as_secs());
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
        server.begin_drain();
        timeout(PATIENCE, server.drained()).await.unwrap();
        timeout(HEADER_TIMEOUT / 2, server.close()).await.expect("it ends before the head's time is over");
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
