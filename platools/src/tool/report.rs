//! Reports of a running call to its caller: progress ([`ProgressReport`]) and entries of the log ([`LogEntry`]).

use std::fmt;

use platools_protocol::LogLevel;

/// Progress of a call. `Debug` leaves the message out.
#[derive(Clone, PartialEq)]
pub(crate) struct ProgressReport {
    pub(crate) done: f64,
    pub(crate) total: Option<f64>,
    pub(crate) message: Option<String>,
}

impl fmt::Debug for ProgressReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, total, message: _ } = self;
        f.debug_struct("ProgressReport").field("done", done).field("total", total).finish_non_exhaustive()
    }
}

/// An entry of a call's log. `Debug` shows the length of its message, not the text.
#[derive(Clone, PartialEq)]
pub(crate) struct LogEntry {
    pub(crate) level: LogLevel,
    pub(crate) message: String,
}

impl LogEntry {
    /// An entry about others that are missing.
    pub(super) fn left_out(count: usize) -> Self {
        let message = format!("{count} entries of the log were left out: they came faster than they could be sent");
        Self { level: LogLevel::Warning, message }
    }
}

impl fmt::Debug for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, message } = self;
        f.debug_struct("LogEntry").field("level", level).field("message_bytes", &message.len()).finish()
    }
}
