//! The errors with which the dispatcher itself ends calls, such as timeouts and cancellations. Tools make all other errors.

use std::time::Duration;

use crate::tool::{ToolError, code};

/// The failure of a call of a tool that is not there; its words are part of the wire contract.
pub(crate) fn unknown_tool(name: &str) -> ToolError {
    ToolError::new(format!("unknown tool: {name}")).with_code(code::UNKNOWN_TOOL)
}

/// The failure of a call that the platform has given up.
pub(crate) fn cancelled() -> ToolError {
    ToolError::new("the call was cancelled").with_code(code::CANCELLED)
}

/// The failure of a call whose handler has used up its time.
pub(super) fn timed_out(timeout: Duration) -> ToolError {
    ToolError::new(format!("the tool did not finish within {timeout:?}")).with_code(code::TIMEOUT).retryable()
}

/// The failure of a call beyond the rate of its tool.
pub(super) fn too_many_calls(wait: Duration) -> ToolError {
    ToolError::new(format!("too many calls of this tool; try again in {wait:.1?}"))
        .with_code(code::RATE_LIMITED)
        .retryable()
}

/// The failure of a call whose caller waits no longer for it to start.
pub(super) fn waited_too_long() -> ToolError {
    ToolError::new("the call waited for its turn until its caller's deadline, and did not run; call again later")
        .with_code(code::QUEUE_TIMEOUT)
        .retryable()
}
