//! WebSockets of all protocols: [`open`] accepts an upgrade, [`serve`] runs a [`SocketProtocol`] over its [`Socket`] until there is
//! an [`End`], and a [`Close`] tells the peer why.
//!
//! [`Reader`] and [`write`] are the two directions that most protocols share: sizes, silence and UTF-8 on one side, pings and deadlines on the
//! other.

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
pub(super) use writer::{Outgoing, Pace, write};
