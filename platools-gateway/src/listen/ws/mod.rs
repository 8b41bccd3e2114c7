//! WebSockets of all protocols. [`open`] accepts an upgrade, and [`serve`] runs a [`SocketProtocol`] over the [`Socket`] until its [`End`].
//!
//! Most protocols share [`Reader`], which checks sizes, silence and UTF-8, and [`write`], which sends messages and pings.

mod close;
mod connection;
mod read_error;
mod reader;
mod socket;
mod upgrade;
mod writer;

pub(super) use close::{Close, End, dismissed};
pub(super) use connection::{Farewell, SocketProtocol, duration_ms, serve};
pub(super) use read_error::{MessageTooLarge, ReadError};
pub(super) use reader::{Excess, Incoming, Reader, Received};
pub(super) use socket::{Socket, Transport};
pub(super) use upgrade::{ReadLimits, open, socket_span};
pub(super) use writer::{Outgoing, WriteTiming, write};
