//! [`Authenticator`] authenticates workers and callers, and `Callers` is the table of callers that stay connected.

mod authenticator;
mod callers;

pub use authenticator::Authenticator;
pub(crate) use callers::Callers;
pub use callers::{CallerConnection, ConnectionPhase, OpenSockets, SocketKind};
