//! [`Calls`]: calls of tools. `pipeline` takes one from its caller to a worker and back, `route` finds its way over the links of its
//! scope, and `envelope` makes its signed frame; `history` lists and replays calls, `idempotency` makes calls that run once.

pub(crate) mod content;
mod envelope;
mod history;
pub mod idempotency;
pub mod oversize;
mod pipeline;
mod request;
mod route;
mod service;

pub use history::{CallQuery, CallsBefore};
pub use request::{CallPermit, CallReply, CallRequest};
pub(crate) use service::CallServices;
pub use service::Calls;
