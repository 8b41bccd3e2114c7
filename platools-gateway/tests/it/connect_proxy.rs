//! `ConnectProxy`: an HTTP proxy for the tests. It reports the targets that clients ask for.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::support::within;

/// A proxy on a free port. It resolves no name: every tunnel leads to one address.
pub(crate) struct ConnectProxy {
    address: SocketAddr,
    heads: mpsc::UnboundedReceiver<String>,
    _serving: AbortOnDropHandle<()>,
}

impl ConnectProxy {
    /// Tunnels to an address, or refuses all who ask.
    pub(crate) async fn start(to: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, heads) = mpsc::unbounded_channel();
        let serving = async move {
            let mut tunnels = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tunnels.spawn(tunnel(client, to, asked.clone()));
            }
        };
        Self { address, heads, _serving: AbortOnDropHandle::new(tokio::spawn(serving)) }
    }

    /// Its URL with a user and a password.
    pub(crate) fn url(&self) -> String {
        format!("http://user:hunter2@{}", self.address)
    }

    /// The head of the next request.
    pub(crate) async fn asked(&mut self) -> String {
        within(self.heads.recv()).await.unwrap()
    }

    /// True if no request has come.
    pub(crate) fn is_left_alone(&mut self) -> bool {
        self.heads.try_recv().is_err()
    }
}

async fn tunnel(mut client: TcpStream, to: Option<SocketAddr>, asked: mpsc::UnboundedSender<String>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let _ = asked.send(String::from_utf8(head).unwrap());
    let Some(to) = to else {
        let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        return;
    };
    let mut server = TcpStream::connect(to).await.unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    // Either side may go away at any time.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
