//! [`Calls`]: the service that calls tools. `pipeline` has the steps of a call, from the request of its caller to its outcome.
//! `call_delivery` chooses a link, sends the call to the worker and waits for the answer. `history` lists calls, cancels them, and calls a
//! tool again with the arguments of an earlier call. `idempotency` gives a repeated request the outcome of the first one, without a second
//! call of the tool.

mod call_delivery;
pub(crate) mod content_text;
mod frame;
mod history;
pub mod idempotency;
mod outcome;
mod pipeline;
mod request;
pub mod result_preview;
mod service;

pub(crate) use frame::ShippedCall;
pub use history::{CallQuery, CallsBefore};
pub(crate) use idempotency::KeyedCallGrant;
pub use request::{CallPermit, CallReply, CallRequest};
pub(crate) use service::CallServices;
pub use service::Calls;
