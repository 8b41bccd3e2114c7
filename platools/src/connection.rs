//! The connection of a client: its state, the reason for the end of a socket, the policy for connecting again, and TLS.

pub use platools_transport::{
    BACKOFF_BASE_MS, BACKOFF_MAX_MS, ConnectionState, Disconnect, HEARTBEAT_INTERVAL_MS, Jitter, MAX_BACKOFF_ATTEMPTS,
    OnRefusal, Reconnect, Roots, Tls, backoff_delay_ms,
};
