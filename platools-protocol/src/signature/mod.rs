//! The signatures of calls. A platform signs a call with [`sign_call`], and a worker checks it with a [`Verifier`].
//!
//! A platform signs `{timestamp}.{nonce}.{body}` with HMAC-SHA256 and the worker's secret. The body is the call as compact text like
//! JSON-RPC, with the params byte for byte as they were sent, but without the envelope `__platos`. So a signature does not prove the user
//! and the agent that the envelope names. A [`Verifier`] also refuses an old timestamp and a nonce that was used before.

mod envelope;
mod sign;
mod verifier;

pub use sign::{call_body, sign, sign_call};
pub use verifier::{MAX_NONCES, MAX_SKEW_SECONDS, SignatureError, Signed, Verifier};
