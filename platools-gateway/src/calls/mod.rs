//! Calls of tools: `pipeline` takes one from its caller to a worker and back, `route` finds its way over the links of its scope, and
//! `envelope` is what it travels in.

pub(crate) mod content;
mod envelope;
mod history;
pub mod idempotency;
pub mod oversize;
mod pipeline;
mod route;

pub(crate) use envelope::ArgumentForm;
pub use history::{CallQuery, CallsBefore};
pub use pipeline::{CallPermit, CallReply, CallRequest};
