//! [`Authenticator`]: authenticates workers and callers. `Callers`: the table of callers that keep a WebSocket open. `BrowserSessions`: the
//! sessions of browsers in which somebody signed in, with a credential or one of `SignInCodes`.

mod authenticator;
mod browser_session_id;
mod browser_sessions;
mod callers;
mod sign_in_codes;

pub use authenticator::Authenticator;
pub(crate) use browser_sessions::{BrowserSession, BrowserSessions};
pub(crate) use callers::Callers;
pub use callers::{CallerConnection, ConnectionPhase, OpenSockets, SocketKind};
pub(crate) use sign_in_codes::SignInCodes;
