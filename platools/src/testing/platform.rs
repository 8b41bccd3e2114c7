//! [`TestPlatform`]: listens for workers as a platform does, and accepts or refuses each of them as the test says.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use super::connection::TestConnection;
use super::link::TestLink;
use super::patience::within;

/// A platform that listens on a port of its own and accepts one worker at a time, when the test says so.
#[derive(Debug)]
pub struct TestPlatform(TcpListener);

impl TestPlatform {
    /// Listens on a free port.
    ///
    /// # Panics
    /// There is none.
    pub async fn start() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port"))
    }

    /// Address that it listens on.
    ///
    /// # Panics
    /// The system does not know.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    /// Listener itself. For the crates of this workspace.
    #[doc(hidden)]
    #[must_use]
    pub fn into_listener(self) -> TcpListener {
        self.0
    }

    /// URL for a worker.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Stops listening, and keeps the port. Links that are open stay open.
    #[must_use]
    pub fn stop(self) -> UnreachablePlatform {
        let address = self.address();
        drop(self);
        UnreachablePlatform::at(address)
    }

    /// The next connection, before any word was said on it.
    ///
    /// # Panics
    /// Nobody connects.
    pub async fn accept_tcp(&self) -> TestConnection {
        let (tcp, _) = within(self.0.accept()).await.expect("the listener lives");
        TestConnection::new(tcp)
    }

    /// The next worker's socket.
    ///
    /// # Panics
    /// Nobody connects, or not with a WebSocket.
    pub async fn accept(&self) -> TestLink {
        let wire = self.accept_tcp().await;
        let cut = wire.cut();
        TestLink::upgrade(wire, cut).await.expect("a WebSocket")
    }

    /// The next worker's socket, registered and greeted.
    ///
    /// # Panics
    /// As for [`accept`](Self::accept), or the worker does not register first of all.
    pub async fn accept_worker(&self) -> TestLink {
        let mut link = self.accept().await;
        link.registration().await;
        link.welcome().await;
        link
    }

    /// Answers the next upgrade with an HTTP status instead, and returns the request's head.
    ///
    /// # Panics
    /// Nobody connects.
    pub async fn refuse(&self, status: &str) -> String {
        let mut wire = self.accept_tcp().await;
        let head = read_head(&mut wire).await;
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        within(wire.write_all(answer.as_bytes())).await.expect("the worker listens");
        head
    }

    /// Opens the tunnel that the next connection asks for, and returns the head of its `CONNECT` request. What comes
    /// through the tunnel comes here as well.
    ///
    /// # Panics
    /// Nobody connects.
    pub async fn accept_tunnel(&self) -> (TestConnection, String) {
        let mut wire = self.accept_tcp().await;
        let head = read_head(&mut wire).await;
        within(wire.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")).await.expect("the worker listens");
        (wire, head)
    }
}

/// The head of a request, which has no body.
async fn read_head(wire: &mut TestConnection) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(wire.read_u8()).await.expect("a whole request"));
    }
    String::from_utf8(head).expect("headers are text")
}

/// A port that belongs to the test and refuses every connection.
#[derive(Debug)]
pub struct UnreachablePlatform {
    // Bound and not listening: nobody else is given the port, and nobody can connect to it.
    socket: TcpSocket,
}

impl UnreachablePlatform {
    /// A free port.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn start() -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// The port of an address.
    ///
    /// # Panics
    /// Somebody else has it.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.set_reuseaddr(true).expect("it is a TCP socket");
        socket.bind(address).expect("the port is free");
        Self { socket }
    }

    /// URL that no worker reaches.
    ///
    /// # Panics
    /// The system does not know.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.socket.local_addr().expect("it is bound"))
    }

    /// Listens from now on.
    ///
    /// # Panics
    /// The port cannot be listened on.
    #[must_use]
    pub fn restart(self) -> TestPlatform {
        TestPlatform(self.socket.listen(16).expect("the port is ours"))
    }
}
