//! [`Calls`]: the service that calls tools. `pipeline` takes a call from its caller to a worker and back, `route` sends it over the links
//! of its scope, `history` lists and replays calls, and `idempotency` runs a repeated call only once.

pub(crate) mod content_text;
mod frame;
mod history;
pub mod idempotency;
mod outcome;
mod pipeline;
mod request;
pub mod result_preview;
mod route;
mod service;

pub(crate) use frame::ShippedCall;
pub use history::{CallQuery, CallsBefore};
pub(crate) use idempotency::KeyedCallGrant;
pub use request::{CallPermit, CallReply, CallRequest};
pub(crate) use service::CallServices;
pub use service::Calls;
