//! Sockets, whatever is said over them: how messages are read, and how a socket ends.

mod broken;
mod close;
mod reader;
mod too_large;
mod writer;

pub(super) use broken::Broken;
pub(super) use close::{dismissed, duration_ms, say_goodbye};
pub(super) use reader::{Excess, Incoming, Reader, Received, Unread};
pub(super) use too_large::TooLarge;
pub(super) use writer::{Outgoing, Unwritten, write};
