//! [`handshake`]: does the TLS handshake of an accepted connection, within a time limit.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::tls::Certificates;

/// The longest time for the whole handshake.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// Makes the handshake; none if the client fails it or takes too long. Strangers cause that at will, so it is logged for debugging only.
pub(super) async fn handshake<S>(stream: S, certificates: &Certificates) -> Option<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match timeout(LIMIT, certificates.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("a TLS handshake took too long");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Extension, Router};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::task::yield_now;
    use tokio::time::{Instant, pause};
    use tokio_rustls::client;

    use super::*;
    use crate::listen::ByteActivity;
    use crate::listen::server::connection::HEADER_TIMEOUT;
    use crate::listen::server::{GRACE, Server, Setup};
    use crate::tls::{Keeper, TestCertificate};

    // Handshakes are made while time goes on: a clock that is paused would leap while they wait for the other end.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// The begin of every handshake: the head of a record whose rest does not come.
    const BEGINNING: &[u8] = &[0x16, 3, 1, 2, 0];

    struct Secured {
        identity: TestCertificate,
        keeper: Keeper,
        server: Server,
        listens: std::net::SocketAddr,
        /// The activity of each request's connection.
        activity: UnboundedReceiver<ByteActivity>,
    }

    impl Secured {
        async fn start() -> Self {
            let identity = TestCertificate::new("localhost");
            let folder = tempfile::tempdir().unwrap();
            let keeper = Keeper::open(identity.write(folder.path())).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let listens = listener.local_addr().unwrap();
            let (sender, activity) = unbounded_channel();
            let answer = async move |Extension(activity): Extension<ByteActivity>| {
                sender.send(activity).map(|()| "here").unwrap()
            };
            let router = Router::new().route("/", get(answer));
            let setup = Setup { certificates: Some(keeper.certificates()), ..Setup::plain(router) };
            let server = Server::start(listener, setup);
            Self { identity, keeper, server, listens, activity }
        }

        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.listens).await.unwrap()
        }

        async fn handshake(&self) -> client::TlsStream<TcpStream> {
            let handshake = self.identity.connector().connect("localhost".try_into().unwrap(), self.connect().await);
            timeout(PATIENCE, handshake).await.expect("it took too long").unwrap()
        }
    }

    /// Reads until the connection ends.
    async fn rest(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
        let mut read = Vec::new();
        // A connection that is cut has no proper end.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("it took too long");
        read
    }

    #[tokio::test]
    async fn requests_are_answered_inside() {
        let secured = Secured::start().await;
        let mut client = secured.handshake().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(rest(client).await.ends_with(b"here"));
    }

    #[tokio::test]
    async fn a_handshake_that_is_not_complete_in_time_ends_its_connection_and_holds_up_nobody() {
        let secured = Secured::start().await;
        let begun = Instant::now();
        let mut half_open = secured.connect().await;
        half_open.write_all(BEGINNING).await.unwrap();
        secured.handshake().await;
        pause();
        rest(half_open).await;
        assert!((LIMIT..LIMIT * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_request_has_its_own_time_after_the_handshake() {
        let secured = Secured::start().await;
        let mut client = secured.handshake().await;
        client.write_all(b"GET / HT").await.unwrap();
        pause();
        let begun = Instant::now();
        assert_eq!(rest(client).await, b"");
        assert!((HEADER_TIMEOUT / 2..HEADER_TIMEOUT * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn bytes_move_before_there_is_anything_to_read_in_them() {
        let mut secured = Secured::start().await;
        let mut client = secured.handshake().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let activity = timeout(PATIENCE, secured.activity.recv()).await.expect("it took too long").unwrap();
        let before = activity.last_received();
        // The head of a record whose rest does not come.
        client.get_mut().0.write_all(&[0x17, 3, 3, 1, 0]).await.unwrap();
        let moves = async {
            while activity.last_received() == before {
                yield_now().await;
            }
        };
        timeout(PATIENCE, moves).await.expect("bytes have come");
    }

    #[tokio::test]
    async fn what_is_no_tls_ends_its_connection() {
        let secured = Secured::start().await;
        let mut client = secured.connect().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let read = rest(client).await;
        assert!(!read.starts_with(b"HTTP"), "{read:?}");
        secured.handshake().await;
    }

    #[tokio::test]
    async fn a_server_that_stops_cuts_handshakes_off() {
        let mut secured = Secured::start().await;
        let mut half_open = secured.connect().await;
        half_open.write_all(BEGINNING).await.unwrap();
        // So that the server has taken on the one that came before.
        drop(secured.handshake().await);
        pause();
        let begun = Instant::now();
        secured.server.begin_drain();
        secured.server.close().await;
        assert!(begun.elapsed() < GRACE, "there is no grace for them");
        assert_eq!(rest(half_open).await, b"");
    }

    #[tokio::test]
    async fn nothing_of_a_key_is_shown() {
        let secured = Secured::start().await;
        let shown = format!("{:?} {:?}", secured.keeper, secured.keeper.certificates());
        assert_eq!(shown.matches("..").count(), 2, "{shown}");
    }
}
