//! [`TcpRelay`]: passes bytes on between a program and a server, or cuts them off from each other.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The address of a server.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Port(u16),
    Socket(PathBuf),
}

/// A port of loopback that leads to a server. The port stays the same when the server moves.
#[derive(Debug)]
pub struct TcpRelay {
    port: u16,
    passage: watch::Sender<Passage>,
    /// None if the port is that of the server.
    task: Option<JoinHandle<()>>,
}

/// The way in which a relay treats bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    Open,
    /// Connections end, and new ones end at once.
    Cut,
    /// Connections stay, and nothing passes.
    Silent,
}

impl TcpRelay {
    /// Listens, and leads to the target of the moment at which a connection begins.
    pub(super) async fn start(target: watch::Receiver<Target>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().map(|address: SocketAddr| address.port()).expect("an address");
        let (passage, mode) = watch::channel(Passage::Open);
        Self { port, passage, task: Some(tokio::spawn(serve(listener, target, mode))) }
    }

    /// The port of a server itself, without a relay in between that would cost time. It cannot be cut off.
    pub(super) fn without_relay(port: u16) -> Self {
        Self { port, passage: watch::Sender::new(Passage::Open), task: None }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections, and every new one.
    pub fn cut(&self) {
        self.set(Passage::Cut);
    }

    /// Holds back all bytes, as a network that loses all packets does.
    pub fn silence(&self) {
        self.set(Passage::Silent);
    }

    /// Lets bytes pass again, also those that were held back.
    pub fn open(&self) {
        self.set(Passage::Open);
    }

    fn set(&self, passage: Passage) {
        assert!(self.task.is_some(), "there is no relay to the server");
        self.passage.send_replace(passage);
    }
}

impl Drop for TcpRelay {
    fn drop(&mut self) {
        self.task.iter().for_each(JoinHandle::abort);
    }
}

async fn serve(listener: TcpListener, target: watch::Receiver<Target>, passage: watch::Receiver<Passage>) {
    // The connections end with the relay.
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        if *passage.borrow() == Passage::Cut {
            continue;
        }
        let target = target.borrow().clone();
        connections.spawn(connect(client, target, passage.clone()));
    }
}

/// The passage of a relay that is always open.
pub(super) fn open() -> watch::Receiver<Passage> {
    watch::channel(Passage::Open).1
}

/// Passes bytes on until one side ends.
pub(super) async fn connect(client: TcpStream, target: Target, passage: watch::Receiver<Passage>) {
    let _ = client.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (upstream, downstream): (BoxFuture<'_, ()>, BoxFuture<'_, ()>) = match target {
        Target::Port(port) => {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
            let _ = server.set_nodelay(true);
            let (from_server, to_server) = server.into_split();
            (
                Box::pin(pass(from_client, to_server, passage.clone())),
                Box::pin(pass(from_server, to_client, passage.clone())),
            )
        }
        Target::Socket(path) => {
            let Ok(server) = UnixStream::connect(path).await else { return };
            let (from_server, to_server) = server.into_split();
            (
                Box::pin(pass(from_client, to_server, passage.clone())),
                Box::pin(pass(from_server, to_client, passage.clone())),
            )
        }
    };
    let mut cut = passage;
    // Both directions end together.
    tokio::select! {
        () = upstream => {}
        () = downstream => {}
        // Without a sender, nobody cuts it.
        Ok(_) = cut.wait_for(|passage| *passage == Passage::Cut) => {}
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut passage: watch::Receiver<Passage>,
) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else { return };
        if passage.wait_for(|passage| *passage == Passage::Open).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
