//! The frames that the protocol's extensions add, such as [`ToolCancel`]. A side sends such a frame only after both sides have named its
//! [`Feature`](super::Feature), which `extension_names.rs` declares.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::call_fields::{Fields, of_call, whole};
use super::camel_case::Spelling;
use super::frame_error::FrameError;
use crate::json_members::Text;
use crate::log_level::LogLevel;

/// A call that is to be cancelled. `Debug` shows the length of the reason, not the text.
///
/// The worker ends the call as soon as its handler lets it, and answers it once, with a result or an error. A call that is
/// unknown or over is passed over: its answer is on its way.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ToolCancel<'a> {
    /// The call.
    #[serde(borrow)]
    pub call_id: Cow<'a, str>,
    /// The reason, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
}

impl<'a> ToolCancel<'a> {
    /// The end of one call.
    #[must_use]
    pub fn new(call_id: &'a str) -> Self {
        Self { call_id: Cow::Borrowed(call_id), reason: None }
    }

    /// Adds the reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Cow<'a, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub(super) fn parse(fields: &Fields<'a>, text: &'a str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Cancel {
            #[serde(default)]
            reason: Option<String>,
        }
        let (call_id, cancel) = of_call::<Cancel>("tool_cancel", fields, text, &[])?;
        Ok(Self { call_id, reason: cancel.reason.map(Cow::Owned) })
    }
}

impl fmt::Debug for ToolCancel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, reason } = self;
        let reason_bytes = reason.as_deref().map(str::len);
        f.debug_struct("ToolCancel").field("call_id", call_id).field("reason_bytes", &reason_bytes).finish()
    }
}

/// The progress of a call. `Debug` shows the length of its message, not the text.
///
/// The meaning is that of the Model Context Protocol: `progress` grows from frame to frame of one call, in whatever unit
/// the tool chooses, and `total` is where it ends, if that is known.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ToolProgress<'a> {
    /// The call.
    #[serde(borrow)]
    pub call_id: Cow<'a, str>,
    /// The part that is done; a finite number.
    pub progress: f64,
    /// The whole; a finite number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// The present step, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'a, str>>,
}

impl<'a> ToolProgress<'a> {
    /// Reports progress of a call.
    #[must_use]
    pub fn new(call_id: &'a str, progress: f64) -> Self {
        Self { call_id: Cow::Borrowed(call_id), progress, total: None, message: None }
    }

    /// Adds the total.
    #[must_use]
    pub fn with_total(mut self, total: f64) -> Self {
        self.total = Some(total);
        self
    }

    /// Adds a text about the present step.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'a, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    pub(super) fn parse(fields: &Fields<'a>, text: &'a str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Progress {
            progress: f64,
            #[serde(default)]
            total: Option<f64>,
            #[serde(default)]
            message: Option<String>,
        }
        let (call_id, Progress { progress, total, message }) = of_call("tool_progress", fields, text, &[])?;
        Ok(Self { call_id, progress, total, message: message.map(Cow::Owned) })
    }
}

impl fmt::Debug for ToolProgress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, progress, total, message } = self;
        f.debug_struct("ToolProgress")
            .field("call_id", call_id)
            .field("progress", progress)
            .field("total", total)
            .field("message_bytes", &message.as_deref().map(str::len))
            .finish()
    }
}

/// A log entry of a call for its caller. `Debug` shows the length of its message, not the text.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ToolLog<'a> {
    /// The call.
    #[serde(borrow)]
    pub call_id: Cow<'a, str>,
    /// The severity.
    pub level: LogLevel,
    /// The text.
    pub message: Cow<'a, str>,
}

impl<'a> ToolLog<'a> {
    /// An entry of one call's log.
    #[must_use]
    pub fn new(call_id: &'a str, level: LogLevel, message: impl Into<Cow<'a, str>>) -> Self {
        Self { call_id: Cow::Borrowed(call_id), level, message: message.into() }
    }

    pub(super) fn parse(fields: &Fields<'a>, text: &'a str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Log {
            level: LogLevel,
            message: String,
        }
        let (call_id, Log { level, message }) = of_call("tool_log", fields, text, &[])?;
        Ok(Self { call_id, level, message: message.into() })
    }
}

impl fmt::Debug for ToolLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, level, message } = self;
        f.debug_struct("ToolLog")
            .field("call_id", call_id)
            .field("level", level)
            .field("message_bytes", &message.len())
            .finish()
    }
}

/// Replies that have arrived. The worker need not keep them any longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResultAck<'a> {
    /// The calls they answer, in any order.
    #[serde(borrow)]
    pub call_ids: Vec<Cow<'a, str>>,
}

impl<'a> ResultAck<'a> {
    /// The arrival of replies.
    #[must_use]
    pub fn new<I: Into<Cow<'a, str>>>(call_ids: impl IntoIterator<Item = I>) -> Self {
        Self { call_ids: call_ids.into_iter().map(Into::into).collect() }
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Ack<'a> {
            #[serde(borrow)]
            call_ids: Vec<Text<'a>>,
        }
        let Ack { call_ids } = whole("result_ack", text, &[("call_ids", "callIds")])?;
        Ok(Self { call_ids: call_ids.into_iter().map(|call_id| call_id.0).collect() })
    }
}

/// A notice that one side stops.
///
/// From a platform: it will close this socket, and the worker is to open another one. From a worker: it stops, and takes no
/// new calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Drain {
    /// The longest time that the socket stays open, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

impl Drain {
    pub(super) const SPELLINGS: &[Spelling] = &[("deadline_ms", "deadlineMs")];

    /// Adds the longest time for which the socket stays open, in milliseconds.
    #[must_use]
    pub const fn within_ms(deadline_ms: u64) -> Self {
        Self { deadline_ms: Some(deadline_ms) }
    }
}
