//! The params, replies and event data of gateway RPC as Rust types, which callers and the gateway share. `frame.rs` has the frames around
//! them.
//!
//! Their `Debug` shows the length of a user's or tool's text instead of the text.

mod chat;
mod connect;
mod tools;

pub use chat::{AgentEvent, ChatAbort, ChatChunk, ChatReply, ChatSend, RunStatus, Usage};
pub use connect::{Connect, Connected, Role};
pub use tools::{ToolCallEvent, ToolResultEvent, ToolsCall, ToolsReply};

/// Names of methods that this module has types for.
pub mod method {
    /// Introduces the caller. It must be the first request. [`Connect`](super::Connect), [`Connected`](super::Connected).
    pub const CONNECT: &str = "connect";
    /// Sends a message to an agent. [`ChatSend`](super::ChatSend), [`ChatReply`](super::ChatReply).
    pub const CHAT_SEND: &str = "chat.send";
    /// Ends a run of an agent. [`ChatAbort`](super::ChatAbort).
    pub const CHAT_ABORT: &str = "chat.abort";
    /// Calls a tool. [`ToolsCall`](super::ToolsCall), [`ToolsReply`](super::ToolsReply).
    pub const TOOLS_CALL: &str = "tools.call";
}

/// Names of events.
pub mod event {
    /// A run of an agent has started or ended: [`AgentEvent`](super::AgentEvent).
    pub const AGENT: &str = "agent";
    /// An agent's answer grows: [`ChatChunk`](super::ChatChunk).
    pub const CHAT: &str = "chat";
    /// A tool is called: [`ToolCallEvent`](super::ToolCallEvent).
    pub const TOOL_CALL: &str = "tool.call";
    /// A tool has answered: [`ToolResultEvent`](super::ToolResultEvent).
    pub const TOOL_RESULT: &str = "tool.result";
}
