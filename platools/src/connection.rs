//! The settings and the state of a client's connection: [`Reconnect`] and [`Tls`] set it up, [`ConnectionState`] and [`Disconnect`]
//! describe it.

pub use platools_transport::{
    BACKOFF_BASE_MS, BACKOFF_MAX_MS, ConnectionState, Disconnect, HEARTBEAT_INTERVAL_MS, Jitter, MAX_BACKOFF_ATTEMPTS,
    OnRefusal, Reconnect, Roots, Tls, backoff_delay_ms,
};
