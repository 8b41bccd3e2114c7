//! Connected clients: [`Admission`] authenticates workers and callers, `Callers` is the table of callers that stay connected.

mod admission;
mod callers;

pub use admission::Admission;
pub(crate) use callers::Callers;
pub use callers::{OpenSockets, Presence, SocketKind, Stay};
