//! Sockets, whatever is said over them: how messages are read, and how a socket ends.

mod broken;
mod farewell;
mod reader;
mod writer;

pub(super) use broken::Broken;
pub(super) use farewell::{dismissed, duration_ms, say_goodbye};
pub(super) use reader::{Incoming, Reader, Unread};
pub(super) use writer::{Outgoing, Unwritten, write};
