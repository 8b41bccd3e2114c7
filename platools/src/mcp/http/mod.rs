//! The HTTP transport of the Model Context Protocol. [`Exchange`] is one request with its response, [`Sessions`] has the clients' sessions
//! in the [`SessionTable`] of a server, and [`Replay`] keeps the events of one session.

mod accept_header;
mod response_body;
mod exchange;
mod replay;
mod session;
mod session_usage;

pub use response_body::{Body, STREAM_AFTER, holding};
pub use exchange::{Exchange, Refusal, error_response, session_id};
pub use replay::Replay;
pub use session::{SessionFailure, SessionRefused, SessionStreams, SessionTable, Sessions};
pub use session_usage::{SessionUsage, SessionUse, Usage, UsageKind};
