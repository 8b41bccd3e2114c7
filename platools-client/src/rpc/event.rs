//! [`RpcEvent`]: tells the application of an [`RpcClient`](super::RpcClient) that a socket opened or ended, that the gateway sent an event,
//! or that events are missing.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use platools_protocol::rpc::{Connected, Event};
use platools_transport::Disconnect;

/// An event of a client's connections.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RpcEvent {
    /// The gateway has accepted the caller.
    Connected(Connected),
    /// The gateway has sent an event, also one that a chat has got.
    Gateway(GatewayEvent),
    /// Events are missing: the gateway dropped them because they were not read fast enough, which their numbers show; or
    /// the listener was too slow, and the client dropped them.
    #[non_exhaustive]
    Missed {
        /// The number of missed events.
        count: u64,
    },
    /// A socket ended.
    Disconnected(Disconnect),
}

/// An event as the gateway sent it. `Debug` shows how long its payload is, not what it says.
#[derive(Clone)]
#[non_exhaustive]
pub struct GatewayEvent {
    /// The name of the event, such as those of [`event`](platools_protocol::rpc::event).
    pub name: String,
    /// The data of the event.
    pub payload: Box<RawValue>,
    /// Counted for each connection from 1.
    pub seq: u64,
}

impl GatewayEvent {
    pub(super) fn new(event: &Event<'_>) -> Self {
        Self { name: event.event.clone().into_owned(), payload: event.payload.to_owned(), seq: event.seq }
    }

    /// The payload as a type, such as those of [`platools_protocol::rpc`](platools_protocol::rpc).
    ///
    /// # Errors
    /// It does not fit.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.payload.get())
    }
}

impl fmt::Debug for GatewayEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, payload, seq } = self;
        let payload_bytes = payload.get().len();
        f.debug_struct("GatewayEvent")
            .field("name", name)
            .field("payload_bytes", &payload_bytes)
            .field("seq", seq)
            .finish()
    }
}
