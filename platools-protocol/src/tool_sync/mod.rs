//! The frames of the tool-sync protocol, between a worker and its platform.
//!
//! A worker and a platform exchange JSON text frames, one message in each; the member `type` tells the kind of a frame. A platform sends
//! [`PlatformFrame`]s, and a worker sends [`WorkerFrame`]s. Each can be parsed and written, so both ends use this module. Payloads
//! (`params`, `result`) stay raw JSON text. Their reader decodes them once, straight into types.
//!
//! Names of members are written in snake case. Names in camel case (`callId`, `latencyMs`) can be read too, and so can `message` and
//! `stack` of a `tool_error`.
//!
//! ```
//! use platools_protocol::tool_sync::{PlatformFrame, ToolFailure, WorkerFrame};
//!
//! let text = r#"{"type":"tool_call","call_id":"c-1","tool_name":"add","params":{"a":2,"b":40}}"#;
//! let PlatformFrame::ToolCall(call) = PlatformFrame::parse(text)? else { panic!("it is a call") };
//! assert_eq!(call.params.get(), r#"{"a":2,"b":40}"#);
//!
//! let reply = WorkerFrame::ToolError(ToolFailure::new(&call.call_id, "unknown tool: add"));
//! assert_eq!(reply.to_text(), r#"{"type":"tool_error","call_id":"c-1","error":"unknown tool: add"}"#);
//! # Ok::<(), platools_protocol::tool_sync::FrameError>(())
//! ```

pub mod annotation;
mod call_fields;
mod camel_case;
mod declaration;
mod extension_frames;
mod extension_names;
mod frame_error;
mod platform;
mod worker;
mod worker_instance;

pub use declaration::{ToolDeclaration, UnreadableTool};
pub use extension_frames::{Drain, ResultAck, ToolCancel, ToolLog, ToolProgress};
pub use extension_names::{FEATURES_HEADER, Feature, Features};
pub use frame_error::FrameError;
pub use platform::{PlatformFrame, RegisterThrottled, ToolCall, ToolHealthAlert, ToolsRegistered, Welcome};
pub use worker::{HealthStatus, ToolFailure, ToolHealth, ToolResult, WorkerFrame, result_frame};
pub use worker_instance::{INSTANCE_HEADER, WorkerInstance};

/// Frames larger than this close the socket on the platform's side: 10 MiB.
pub const MAX_FRAME_BYTES: usize = 10 * 1024 * 1024;

/// The close code a platform sends when a worker's secret was rotated.
pub const CLOSE_SECRET_ROTATED: u16 = 4001;

#[cfg(test)]
mod camel_case_tests;
#[cfg(test)]
mod tests;
