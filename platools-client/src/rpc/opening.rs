//! From a gateway's address to a socket on which the caller is known.

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::to_raw_value;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::warn;

use super::super::heard::Heard;
use platools_protocol::rpc::{Connect, Connected, GatewayFrame, PROTOCOL, Request, Role, RpcError, method};
use platools_transport::{Dialler, Secret, Socket, redact};
use platools_transport::{Error, ErrorKind};

/// The id of the first request of each socket; the others have numbers.
const CONNECT_ID: &str = "connect";

/// Opens sockets to one gateway, as one caller.
#[derive(Debug, Clone)]
pub(super) struct Opener {
    pub(super) dialler: Dialler,
    pub(super) token: Option<Secret>,
    pub(super) user_id: String,
}

/// A socket on which the caller is known.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) socket: Socket,
    pub(super) heard: Heard,
    pub(super) connected: Connected,
}

impl Opener {
    /// Opens a socket, with the token as it is now.
    pub(super) async fn open(&self) -> Result<Opened, Error> {
        self.dialler.in_time(self.steps()).await
    }

    async fn steps(&self) -> Result<Opened, Error> {
        let token = match &self.token {
            Some(token) => Some(token.read().await?),
            None => None,
        };
        let (transport, heard) = Heard::on(self.dialler.transport().await?);
        let raw = self.dialler.upgrade(transport, self.dialler.request()?).await?;
        let mut socket = Socket::new(raw);
        socket.queue(self.connect_request(token.as_ref()));
        let connected = accepted(&mut socket, token.as_ref()).await?;
        if token.is_some() && connected.role == Role::Viewer {
            warn!("the gateway does not know the token: this client may only look at things");
        }
        Ok(Opened { socket, heard, connected })
    }

    fn connect_request(&self, token: Option<&SecretString>) -> Utf8Bytes {
        let mut connect = Connect::new(&self.user_id);
        if let Some(token) = token {
            connect = connect.with_token(token.expose_secret());
        }
        let params = to_raw_value(&connect).expect("strings always serialize");
        Request::new(CONNECT_ID, method::CONNECT, &params).to_text().into()
    }
}

/// The gateway's answer about the caller. Errors are without the token, which they may repeat.
async fn accepted(socket: &mut Socket, token: Option<&SecretString>) -> Result<Connected, Error> {
    let redacted = |text: &str| token.map_or_else(|| text.to_owned(), |token| redact(text, token));
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let text = redacted(&text);
                // Events may cross the request; they are for nobody yet.
                let Ok(GatewayFrame::Response(response)) = GatewayFrame::parse(&text) else { continue };
                let payload = response.outcome.map_err(refused)?;
                let connected: Connected = serde_json::from_str(payload.get())
                    .map_err(|error| failed("the gateway's reply to `connect` cannot be read").with_source(error))?;
                if let Some(warning) = &connected.warning {
                    tracing::warn!(role = %connected.role, %warning, "connected, and the gateway warns");
                }
                return speaks_our_version(connected);
            }
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map_or_else(|| "without a code".to_owned(), |frame| redacted(&frame.to_string()));
                return Err(failed(format!("the gateway closed the socket before it was used: {reason}")));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(failed("the socket broke before it was used").with_source(error)),
            None => return Err(failed("the gateway closed the socket before it was used")),
        }
    }
}

fn speaks_our_version(connected: Connected) -> Result<Connected, Error> {
    if connected.protocol == PROTOCOL {
        return Ok(connected);
    }
    let message = format!("the gateway speaks version {} of the protocol, not {PROTOCOL}", connected.protocol);
    Err(Error::new(ErrorKind::Refused, message))
}

fn refused(error: RpcError) -> Error {
    let kind = if error.retryable { ErrorKind::Connection } else { ErrorKind::Refused };
    Error::new(kind, "the gateway refused the caller").with_source(error)
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Connection, message)
}
