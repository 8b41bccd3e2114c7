//! [`ToolsCall`] and [`ToolsReply`]: the params and the reply of a tool call by a caller. [`ToolCallEvent`] and [`ToolResultEvent`] tell a
//! caller of the tool calls that an agent makes during a run.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The params of `tools.call`. The arguments are raw JSON, or any type of theirs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolsCall<A = Box<RawValue>> {
    /// The tool.
    pub name: String,
    /// A JSON object.
    pub arguments: A,
    /// The entity whose tool it is, where several have one of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// The longest time for the call, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl<A> ToolsCall<A> {
    /// A call of a tool.
    #[must_use]
    pub fn new(name: impl Into<String>, arguments: A) -> Self {
        Self { name: name.into(), arguments, entity_id: None, timeout_ms: None }
    }

    /// Sets the entity whose tool is called.
    #[must_use]
    pub fn with_entity_id(mut self, entity_id: impl Into<String>) -> Self {
        self.entity_id = Some(entity_id.into());
        self
    }

    /// Sets the time limit of the call, in milliseconds.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }
}

impl<A> fmt::Debug for ToolsCall<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolsCall")
            .field("name", &self.name)
            .field("entity_id", &self.entity_id)
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
}

/// The reply to `tools.call`. The result is raw JSON, or any type of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolsReply<R = Box<RawValue>> {
    /// The result of the tool.
    pub result: R,
    /// The time that it took, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// The call in the gateway's journal.
    #[serde(default)]
    pub call_id: String,
}

impl<R> ToolsReply<R> {
    /// Makes the result of a tool.
    #[must_use]
    pub fn new(result: R, latency_ms: u64, call_id: impl Into<String>) -> Self {
        Self { result, latency_ms, call_id: call_id.into() }
    }
}

impl<R> fmt::Debug for ToolsReply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolsReply")
            .field("latency_ms", &self.latency_ms)
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}

/// Declares an event about a tool, with one payload: raw JSON, or any type of its own.
macro_rules! tool_event {
    ($(#[$event:meta])* $name:ident { $(#[$member:meta])* $payload:ident }) => {
        $(#[$event])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct $name<T = Box<RawValue>> {
            /// The tool.
            pub tool: String,
            $(#[$member])*
            pub $payload: T,
            /// The run of an agent that calls it; `None` for `tools.call`, and from a gateway that does not name runs.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub run_id: Option<String>,
            /// The call, the same in both events; `None` from a gateway that does not name it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub call_id: Option<String>,
        }

        impl<T> $name<T> {
            /// Makes an event about a tool.
            #[must_use]
            pub fn new(tool: impl Into<String>, $payload: T) -> Self {
                Self { tool: tool.into(), $payload, run_id: None, call_id: None }
            }

            /// Names the run of the agent that calls it.
            #[must_use]
            pub fn with_run_id(mut self, run_id: impl Into<String>) -> Self {
                self.run_id = Some(run_id.into());
                self
            }

            /// Names the call.
            #[must_use]
            pub fn with_call_id(mut self, call_id: impl Into<String>) -> Self {
                self.call_id = Some(call_id.into());
                self
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self { tool, run_id, call_id, .. } = self;
                f.debug_struct(stringify!($name))
                    .field("tool", tool)
                    .field("run_id", run_id)
                    .field("call_id", call_id)
                    .finish_non_exhaustive()
            }
        }
    };
}

tool_event! {
    /// The event `tool.call`: a tool is called. The input is raw JSON, or any type of its own.
    ToolCallEvent {
        /// The arguments.
        input
    }
}

tool_event! {
    /// The event `tool.result`: a tool has answered. The output is raw JSON, or any type of its own.
    ToolResultEvent {
        /// The result.
        output
    }
}
