//! [`CallRequest`]: the call that a caller requests, with its tool, arguments and timeout. [`CallReply`]: the result that the caller gets.

use std::time::Duration;

use serde_json::value::RawValue;

use super::result_preview::{MAX_RESULT_BYTES, shortened};
use crate::arguments::Arguments;
use crate::domain::ids::CallId;
use crate::domain::trace::TraceContext;
use crate::limits::ConcurrencyPermit;
use crate::pending_calls::CallTimeout;
use crate::pending_calls::reports::ReportSender;
use crate::tools::ToolName;

/// The call that a caller requests.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// The tool.
    pub tool: ToolName,
    /// Its arguments.
    pub arguments: Arguments,
    /// The wait for the answer.
    pub timeout: CallTimeout,
    /// The longest wait for a worker to come back whose link ended with the call. None: as
    /// [`CallSettings::worker_return`](crate::pending_calls::CallSettings::worker_return) says.
    pub worker_return: Option<Duration>,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// The sending end for progress and log entries of the tool; its receiving end is [`Reports`](crate::pending_calls::Reports).
    pub report_sender: Option<ReportSender>,
}

impl CallRequest {
    /// A call without a parent trace and without reports. It waits for a worker that returns as long as the settings say.
    #[must_use]
    pub fn new(tool: ToolName, arguments: Arguments, timeout: impl Into<CallTimeout>) -> Self {
        let trace = TraceContext::from_parent(None);
        Self { tool, arguments, timeout: timeout.into(), worker_return: None, trace, report_sender: None }
    }
}

/// A caller's leave to make one call, counted among those it has under way until it is dropped.
#[derive(Debug)]
pub struct CallPermit(#[expect(dead_code, reason = "it is kept, not used")] pub(super) ConcurrencyPermit<String>);

/// The result of a call.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallReply {
    /// The call.
    pub call_id: CallId,
    /// The tool's result, or a preview if it is too long: past 4 MiB of content, and 256 KiB of anything else.
    pub result: Box<RawValue>,
    /// The worker's time for the call, in milliseconds.
    pub latency_ms: u64,
}

impl CallReply {
    /// The reply with content no longer than other results may be, for readers that take several replies at once or have little time.
    #[must_use]
    pub fn shortened(self) -> Self {
        Self { result: shortened(self.result, MAX_RESULT_BYTES), ..self }
    }
}
