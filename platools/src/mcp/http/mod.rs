//! Streamable HTTP: [`Exchange`] is one request and its response, [`Sessions`] the sessions of clients over the [`SessionTable`] of a server,
//! and [`Replay`] the events of one session.

mod accept;
mod answer;
mod exchange;
mod replay;
mod session;
mod usage;

pub use answer::{Body, STREAM_AFTER, holding};
pub use exchange::{Exchange, Refusal, error_response, session_id};
pub use replay::Replay;
pub use session::{SessionFailure, SessionRefused, SessionStreams, SessionTable, Sessions};
pub use usage::{SessionUsage, SessionUse, Usage, UsageKind};
