//! Connections of workers and clients to a platform or gateway. [`Dialler`] opens a connection, [`Socket`] is a WebSocket on it, and
//! [`Schedule`] computes the delays between attempts to connect.
//!
//! The crates `platools` and `platools-client` are built on this one and re-export the types that their users need. The rest of its API may
//! change with any version.

mod backoff;
mod connection_state;
mod crypto;
mod deadline;
mod dial;
mod error;
mod heartbeat;
mod host;
#[cfg(feature = "http")]
mod http;
mod origin;
#[cfg(feature = "proxy")]
mod proxy;
mod retry;
mod scoped_task;
mod secret;
mod settings;
mod signals;
mod socket;
mod tls;
mod traffic;
mod transport;
mod upgrade;
mod url;
mod websocket;

pub use backoff::{
    BACKOFF_BASE_MS, BACKOFF_MAX_MS, Jitter, MAX_BACKOFF_ATTEMPTS, OnRefusal, Reconnect, Schedule, backoff_delay_ms,
};
pub use connection_state::{ConnectionState, Disconnect, Reporter};
pub use crypto::{crypto_provider, install_crypto_provider};
pub use deadline::after;
pub use dial::Dialler;
pub use error::{Error, ErrorKind, WithCauses};
pub use heartbeat::{HEARTBEAT_INTERVAL_MS, Heartbeat, check_interval};
pub use host::HostPort;
#[cfg(feature = "http")]
pub use http::{Answer, Http};
pub use origin::PageOrigin;
#[cfg(feature = "proxy")]
pub use proxy::{ProxyError, tunnel};
pub use retry::next_delay;
pub use scoped_task::run_scoped;
pub use secret::{Secret, bearer, redact};
pub use settings::ConnectionSettings;
pub use signals::{INTERRUPTED, StopSignals, end_process};
pub use socket::{CLOSE_LIMIT, FrameSource, Received, Socket, text};
pub use tls::{Roots, Tls};
pub use traffic::Traffic;
pub use transport::{RawSocket, Transport};
pub use url::ClientKind;
pub use websocket::WebSocket;
