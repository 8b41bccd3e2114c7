//! [`CallerOpener`]: opens a socket for an `RpcClient`, and sends the first request on it, `connect`, with the caller's token.

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::to_raw_value;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::warn;

use crate::connection::{Opened, Opener};
use platools_protocol::rpc::{Connect, Connected, GatewayFrame, PROTOCOL, Request, Role, RpcError, method};
use platools_transport::{Dialler, Secret, Socket, redact};
use platools_transport::{Error, ErrorKind};

/// The id of the first request of each socket; the others have numbers.
const CONNECT_ID: &str = "connect";

/// Opens the sockets of one caller.
#[derive(Debug, Clone)]
pub(super) struct CallerOpener {
    pub(super) dialler: Dialler,
    pub(super) secret: Option<Secret>,
    pub(super) user_id: String,
}

impl Opener for CallerOpener {
    type Welcome = Connected;

    async fn open(&self) -> Result<Opened<Connected>, Error> {
        self.dialler.in_time(self.steps()).await
    }
}

impl CallerOpener {
    async fn steps(&self) -> Result<Opened<Connected>, Error> {
        let secret = match &self.secret {
            Some(secret) => Some(secret.read().await?),
            None => None,
        };
        let mut socket = self.dialler.socket(self.dialler.request()?).await?;
        socket.queue(self.connect_request(secret.as_ref()));
        let connected = accepted(&mut socket, secret.as_ref()).await?;
        if secret.is_some() && connected.role == Role::Viewer {
            warn!("secret unknown to the gateway: this client has the role viewer; check the secret");
        }
        Ok(Opened { socket, welcome: connected })
    }

    fn connect_request(&self, secret: Option<&SecretString>) -> Utf8Bytes {
        let mut connect = Connect::new(&self.user_id);
        if let Some(secret) = secret {
            connect = connect.with_token(secret.expose_secret());
        }
        let params = to_raw_value(&connect).expect("strings always serialize");
        Request::new(CONNECT_ID, method::CONNECT, &params).to_text().into()
    }
}

/// Waits for the gateway's answer about the caller. Errors are without the secret, which the gateway may repeat.
async fn accepted(socket: &mut Socket, secret: Option<&SecretString>) -> Result<Connected, Error> {
    let redacted = |text: &str| secret.map_or_else(|| text.to_owned(), |secret| redact(text, secret));
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let text = redacted(&text);
                // Events may come before the answer. No handle exists yet that could listen to them.
                let Ok(GatewayFrame::Response(response)) = GatewayFrame::parse(&text) else { continue };
                let payload = response.outcome.map_err(refused)?;
                let connected: Connected = serde_json::from_str(payload.get())
                    .map_err(|error| failed("the gateway's response to `connect` cannot be read").with_source(error))?;
                if let Some(warning) = &connected.warning {
                    tracing::warn!(role = %connected.role, %warning, "gateway sent a warning with the connection");
                }
                return speaks_our_version(connected);
            }
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map_or_else(|| "without a code".to_owned(), |frame| redacted(&frame.to_string()));
                return Err(failed(format!("the gateway closed the socket before it answered `connect`: {reason}")));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                return Err(failed("the socket broke before the gateway answered `connect`").with_source(error));
            }
            None => return Err(failed("the gateway closed the socket before it answered `connect`")),
        }
    }
}

fn speaks_our_version(connected: Connected) -> Result<Connected, Error> {
    if connected.protocol == PROTOCOL {
        return Ok(connected);
    }
    let message = format!(
        "the gateway speaks version {} of gateway RPC, and this client speaks {PROTOCOL}; use a client for that version",
        connected.protocol
    );
    Err(Error::new(ErrorKind::Refused, message))
}

fn refused(error: RpcError) -> Error {
    let kind = if error.retryable { ErrorKind::Connection } else { ErrorKind::Refused };
    Error::new(kind, "the gateway refused the connection").with_source(error)
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Connection, message)
}
