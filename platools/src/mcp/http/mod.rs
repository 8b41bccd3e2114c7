//! The HTTP transport of the Model Context Protocol. [`Exchange`] answers one request, [`Sessions`] finds the MCP session of a client, and
//! [`Replay`] keeps the events of one session. Each server has a [`SessionTable`] of its own, which decides which client may use which
//! session.

mod accept_header;
mod exchange;
mod replay;
mod response_body;
mod session;
mod session_usage;

pub use exchange::{Exchange, Refusal, error_response, session_id};
pub use replay::Replay;
pub use response_body::{Body, STREAM_AFTER, holding};
pub use session::{SessionFailure, SessionRefused, SessionStreams, SessionTable, Sessions};
pub use session_usage::{SessionUsage, SessionUse, Usage, UsageKind};
