//! The frames that workers, callers and agents exchange with a platform, without any I/O.
//!
//! | module | protocol | frames |
//! |---|---|---|
//! | [`tool_sync`] | a worker and its platform | [`PlatformFrame`](tool_sync::PlatformFrame), [`WorkerFrame`](tool_sync::WorkerFrame) |
//! | [`rpc`] | a caller and its gateway | [`Request`](rpc::Request), [`Response`](rpc::Response), [`Event`](rpc::Event) |
//! | [`runtime`] | an agent with a session and its gateway | [`AgentFrame`](runtime::AgentFrame), [`GatewayEvent`](runtime::GatewayEvent) |
//!
//! Each frame can be parsed and written, so both ends use this crate. Payloads stay raw JSON text: their reader decodes them once, straight
//! into its own types. With the feature `signature`, the module `signature` signs and verifies calls.
//!
//! Authors of tools use the crate `platools`, which is built on this one.

mod error_details;
pub mod json;
mod json_members;
mod log_level;
pub mod rpc;
pub mod runtime;
#[cfg(feature = "signature")]
pub mod signature;
pub mod tool_sync;
pub mod truncate;

pub use error_details::ErrorDetails;
pub use log_level::LogLevel;
