//! [`Authenticator`]: authenticates workers and callers. `Callers`: the table of callers that keep a WebSocket open.

mod authenticator;
mod callers;

pub use authenticator::Authenticator;
pub(crate) use callers::Callers;
pub use callers::{CallerConnection, ConnectionPhase, OpenSockets, SocketKind};
