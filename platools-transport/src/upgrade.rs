//! [`upgrade`]: turns an open connection into a WebSocket by an HTTP request. [`upgrade_error`] decides which answers refuse the credential. The
//! module uses `hyper`, because `hyper` writes no request, and so no secret, to a log.

use std::io;
use std::pin::pin;

use futures::future::{Either, select};
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::error::{Error as SocketError, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::error::{Error, ErrorKind};
use crate::transport::Transport;
use crate::url::ClientKind;
use crate::websocket::WebSocket;

/// The longest head of an answer that is read.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Sends the request of an upgrade and checks the answer. Bytes behind the answer are the first of the socket.
///
/// # Errors
/// [`SocketError::Http`] with the status of a refusal, [`SocketError::Protocol`] where the answer is no upgrade, and
/// [`SocketError::Io`] where no answer came or it cannot be read.
pub(super) async fn upgrade<T: Transport>(transport: T, request: Request<()>) -> Result<WebSocket<T>, SocketError> {
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| key.as_bytes().to_owned()).unwrap_or_default();
    let mut http = Builder::new();
    // Some servers and proxies look for `Authorization` in this spelling only.
    http.max_buf_size(MAX_HEAD_BYTES).title_case_headers(true);
    let (mut requests, connection) = http.handshake(TokioIo::new(transport)).await.map_err(broken)?;
    let response = pin!(requests.send_request(origin_form(request)));
    // An upgrade ends the connection as one of HTTP, and gives the transport back.
    let connection = pin!(connection.without_shutdown());
    let parts = match select(response, connection).await {
        Either::Left((response, connection)) => {
            check(&response.map_err(broken)?, &key)?;
            connection.await
        }
        Either::Right((parts, response)) => {
            check(&response.await.map_err(broken)?, &key)?;
            parts
        }
    };
    let parts = parts.map_err(broken)?;
    Ok(WebSocket::new(parts.io.into_inner(), &parts.read_buf))
}

/// The error of an upgrade that failed. The status 401 or 403 refuses the credential, and the client gives up unless its settings say
/// otherwise. Any other status may come from a proxy in between, so the client tries again.
pub(super) fn upgrade_error(client: ClientKind, error: SocketError) -> Error {
    let peer = client.peer();
    let SocketError::Http(response) = &error else {
        return Error::new(ErrorKind::Connection, format!("the WebSocket handshake with {peer} failed"))
            .with_source(error);
    };
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::new(ErrorKind::Refused, format!("{peer} refused {} with {status}", client.credential()))
        }
        _ => Error::new(
            ErrorKind::Connection,
            format!("{peer} answered the upgrade with {status} in place of 101; check the URL"),
        ),
    }
}

/// The request as it stands on the wire: the path alone, and no body.
fn origin_form(request: Request<()>) -> Request<String> {
    let mut request = request.map(|()| String::new());
    if let Some(path) = request.uri().path_and_query() {
        *request.uri_mut() = Uri::from(path.clone());
    }
    request
}

/// Checks an answer as RFC 6455, section 4.1, has it.
fn check(response: &Response<Incoming>, key: &[u8]) -> Result<(), SocketError> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let mut refusal = Response::new(None);
        *refusal.status_mut() = response.status();
        return Err(SocketError::Http(Box::new(refusal)));
    }
    if response.version() != Version::HTTP_11 {
        return Err(ProtocolError::WrongHttpVersion.into());
    }
    check_headers(response.headers(), key).map_err(SocketError::Protocol)
}

fn check_headers(headers: &HeaderMap, key: &[u8]) -> Result<(), ProtocolError> {
    if !lists(headers, &UPGRADE, "websocket") {
        return Err(ProtocolError::MissingUpgradeWebSocketHeader);
    }
    if !lists(headers, &CONNECTION, "upgrade") {
        return Err(ProtocolError::MissingConnectionUpgradeHeader);
    }
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| accept != derive_accept_key(key).as_str()) {
        return Err(ProtocolError::SecWebSocketAcceptKeyMismatch);
    }
    // The request offered none of either.
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err(ProtocolError::InvalidHeader(Box::new(SEC_WEBSOCKET_EXTENSIONS)));
    }
    if headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        let unwanted = SubProtocolError::ServerSentSubProtocolNoneRequested;
        return Err(ProtocolError::SecWebSocketSubProtocolError(unwanted));
    }
    Ok(())
}

/// Returns true if a header lists a token, in any spelling.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(token))
}

/// An error of the connection, or of an answer that is no HTTP.
fn broken(error: hyper::Error) -> SocketError {
    io::Error::other(error).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn request() -> Request<()> {
        "ws://host:1/ws/sdk?x=1".into_client_request().expect("a request")
    }

    async fn read_head(server: &mut DuplexStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(server.read_u8().await.expect("a whole request"));
        }
        String::from_utf8(head).expect("text")
    }

    /// The end of an upgrade that is answered with this; `ACCEPT` in there stands for the right key.
    async fn answered(answer: &str) -> (Result<WebSocket<DuplexStream>, SocketError>, DuplexStream) {
        let (ours, mut server) = duplex(256 * 1024);
        let answers = async {
            let head = read_head(&mut server).await;
            let key = head.lines().find(|line| line.to_lowercase().starts_with("sec-websocket-key"));
            let key = key.and_then(|line| line.split(' ').nth(1)).expect("a key");
            let answer = answer.replace("ACCEPT", &derive_accept_key(key.as_bytes()));
            server.write_all(answer.as_bytes()).await.expect("the client reads");
        };
        let (upgraded, ()) = timeout(PATIENCE, async { tokio::join!(upgrade(ours, request()), answers) })
            .await
            .expect("it does not wait for more");
        (upgraded, server)
    }

    const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Accept: ACCEPT\r\n";

    #[tokio::test]
    async fn the_request_has_the_path_and_every_header() {
        let (ours, mut server) = duplex(4096);
        let upgrading = tokio::spawn(upgrade(ours, request()));
        let head = timeout(PATIENCE, read_head(&mut server)).await.expect("a request");
        drop(server);
        timeout(PATIENCE, upgrading).await.expect("it ends").expect("no panic").expect_err("the connection has ended");
        assert!(head.starts_with("GET /ws/sdk?x=1 HTTP/1.1\r\n"), "{head}");
        let head = head.to_lowercase();
        for line in ["host: host:1", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"] {
            assert!(head.lines().any(|sent| sent == line), "{line} in {head}");
        }
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }

    #[tokio::test]
    async fn frames_behind_the_answer_are_not_lost() {
        let (socket, mut server) = answered(&format!("{UPGRADED}\r\n\u{1}\u{3}Hel")).await;
        let mut socket = socket.expect("an upgrade");
        server.write_all(b"\x80\x02lo").await.expect("open");
        let message = timeout(PATIENCE, socket.next()).await.expect("in time").expect("open").expect("a message");
        assert_eq!(message, Message::text("Hello"));
    }

    #[tokio::test]
    async fn refusals_have_their_status() {
        for status in [200, 301, 401, 403, 404, 426, 503] {
            let (refused, _server) =
                answered(&format!("HTTP/1.1 {status} Because\r\ncontent-length: 9\r\n\r\nno")).await;
            let Err(SocketError::Http(response)) = refused else { panic!("{status}: {refused:?}") };
            assert_eq!(response.status(), status);
            let error = upgrade_error(ClientKind::Worker, SocketError::Http(response));
            assert_eq!(error.kind() == ErrorKind::Refused, [401, 403].contains(&status), "{error}");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_no_upgrade_is_refused() {
        let with = |name: &str, value: &str| {
            let mut lines: Vec<&str> = UPGRADED.lines().filter(|line| !line.to_lowercase().starts_with(name)).collect();
            lines.push(value);
            lines.join("\r\n")
        };
        for (answer, expected) in [
            (with("upgrade:", "upgrade: h2c"), "No \"Upgrade: websocket\" header"),
            (with("connection:", "connection: close"), "No \"Connection: upgrade\" header"),
            (with("sec-websocket-accept", "sec-websocket-accept: AAAA"), "Key mismatch"),
            (with("sec-websocket-accept", "x: y"), "Key mismatch"),
            (with("x", "sec-websocket-extensions: permessage-deflate"), "sec-websocket-extensions"),
            (with("x", "sec-websocket-protocol: chat"), "SubProtocol error"),
        ] {
            let (refused, _server) = answered(&format!("{answer}\r\n\r\n")).await;
            let error = refused.expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[tokio::test]
    async fn a_head_without_end_is_not_read_for_ever() {
        for answer in [
            format!("HTTP/1.1 101 {}", "x".repeat(2 * MAX_HEAD_BYTES)),
            format!("{UPGRADED}x: {}\r\n\r\n", "x".repeat(2 * MAX_HEAD_BYTES)),
            format!("{UPGRADED}{}\r\n", "x: y\r\n".repeat(1000)),
            "SSH-2.0-OpenSSH_9.9\r\n".to_owned(),
        ] {
            let (refused, _server) = answered(&answer).await;
            assert!(matches!(refused, Err(SocketError::Io(_))), "{refused:?}");
        }
    }
}
