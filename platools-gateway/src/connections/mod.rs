//! Connected clients: `admission` lets workers and callers in, and `callers` says how long a caller may stay.

mod admission;
mod callers;

pub(crate) use callers::Callers;
pub use callers::{OpenSockets, Presence, SocketKind, Stay};
