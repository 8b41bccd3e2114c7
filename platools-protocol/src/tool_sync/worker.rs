//! [`WorkerFrame`]: a frame that a worker sends to a platform. `platform.rs` has the frames of the other direction.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::call_fields::{Fields, of_call, whole};
use super::camel_case::Spelling;
use super::declaration::{self, ToolDeclaration, UnreadableTool};
use super::extension_frames::{Drain, ToolLog, ToolProgress};
use super::extension_names::Feature;
use super::frame_error::FrameError;
use crate::error_details::ErrorDetails;
use crate::json_members::unknown_kind;

/// A frame from a worker.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkerFrame<'a> {
    /// The complete set of tools: those left out are removed.
    ToolRegister {
        /// The tools, in the worker's own order.
        tools: Vec<ToolDeclaration>,
        /// The tools of a frame that was read whose declarations make no sense. They are never written.
        #[serde(skip)]
        unreadable: Vec<UnreadableTool>,
    },
    /// A sign of life.
    Heartbeat {
        /// The health of each tool in the last hour, by name.
        tools_health: BTreeMap<String, ToolHealth>,
    },
    /// A call that succeeded.
    #[serde(borrow)]
    ToolResult(ToolResult<'a>),
    /// A call that failed.
    ToolError(ToolFailure<'a>),
    /// The progress of a call; needs [`Feature::Progress`].
    ToolProgress(ToolProgress<'a>),
    /// A log entry of a call for its caller; needs [`Feature::Log`].
    ToolLog(ToolLog<'a>),
    /// The worker stops, send it no new calls; needs [`Feature::Drain`].
    Drain(Drain),
}

impl<'a> WorkerFrame<'a> {
    /// Reads one frame.
    ///
    /// # Errors
    /// The text is not JSON, not a frame, of an unknown type, or lacks what its type needs.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let (kind, fields) = Fields::read(text)?;
        Ok(match &*kind {
            "tool_result" => Self::ToolResult(ToolResult::from_fields(&fields)?),
            "tool_error" => Self::ToolError(ToolFailure::parse(&fields, text)?),
            "tool_progress" => Self::ToolProgress(ToolProgress::parse(&fields, text)?),
            "tool_log" => Self::ToolLog(ToolLog::parse(&fields, text)?),
            "drain" => Self::Drain(whole("drain", text, Drain::SPELLINGS)?),
            "heartbeat" => {
                #[derive(Deserialize)]
                struct Heartbeat {
                    #[serde(default)]
                    tools_health: BTreeMap<String, ToolHealth>,
                }
                let spellings = &[("tools_health", "toolsHealth")];
                Self::Heartbeat { tools_health: whole::<Heartbeat>("heartbeat", text, spellings)?.tools_health }
            }
            "tool_register" => {
                let (tools, unreadable) = declaration::read_all(text)?;
                Self::ToolRegister { tools, unreadable }
            }
            _ => return Err(FrameError::UnknownType(unknown_kind(&kind))),
        })
    }

    /// The extension a frame belongs to; `None` for those that every worker may send.
    #[must_use]
    pub fn feature(&self) -> Option<Feature> {
        match self {
            Self::ToolProgress(_) => Some(Feature::Progress),
            Self::ToolLog(_) => Some(Feature::Log),
            Self::Drain(_) => Some(Feature::Drain),
            _ => None,
        }
    }

    /// The frame as the text that travels.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and raw JSON always serialize")
    }
}

/// The health of a tool in the last hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SpelledHealth")]
#[non_exhaustive]
pub struct ToolHealth {
    /// The verdict.
    pub status: HealthStatus,
    /// Mean time of a call, in milliseconds.
    pub avg_latency_ms: u64,
    /// Calls that failed.
    pub error_count_1h: u64,
    /// The latest failure's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// A [`ToolHealth`] as peers may write it: each figure under either spelling. Values of the second spelling are read only where the
/// first is missing.
#[derive(Deserialize)]
struct SpelledHealth {
    status: HealthStatus,
    avg_latency_ms: Option<u64>,
    #[serde(rename = "avgLatencyMs")]
    other_avg_latency_ms: Option<Value>,
    error_count_1h: Option<u64>,
    #[serde(rename = "errorCount1h")]
    other_error_count_1h: Option<Value>,
    last_error: Option<String>,
    #[serde(rename = "lastError")]
    other_last_error: Option<Value>,
}

impl TryFrom<SpelledHealth> for ToolHealth {
    type Error = &'static str;

    fn try_from(read: SpelledHealth) -> Result<Self, Self::Error> {
        let number = |value: Option<Value>| value?.as_u64();
        let text = |value| match value {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let avg_latency_ms = read.avg_latency_ms.or_else(|| number(read.other_avg_latency_ms));
        let error_count_1h = read.error_count_1h.or_else(|| number(read.other_error_count_1h));
        Ok(Self {
            status: read.status,
            avg_latency_ms: avg_latency_ms.ok_or("missing field `avg_latency_ms`")?,
            error_count_1h: error_count_1h.ok_or("missing field `error_count_1h`")?,
            last_error: read.last_error.or_else(|| text(read.other_last_error)),
        })
    }
}

impl ToolHealth {
    /// A verdict and the figures it rests on.
    #[must_use]
    pub fn new(status: HealthStatus, avg_latency_ms: u64, error_count_1h: u64, last_error: Option<String>) -> Self {
        Self { status, avg_latency_ms, error_count_1h, last_error }
    }
}

/// The health of a tool in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// The tool works.
    Healthy,
    /// The tool fails now and then.
    Degraded,
    /// The tool fails most of the time.
    Down,
}

/// A call that succeeded. `Debug` shows how long its result is, not what it says.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ToolResult<'a> {
    /// The call this answers.
    #[serde(borrow)]
    pub call_id: Cow<'a, str>,
    /// The result of the tool: any JSON.
    pub result: &'a RawValue,
    /// The time that the worker took, in milliseconds; 0 where it says nothing that can be read.
    pub latency_ms: u64,
}

impl<'a> ToolResult<'a> {
    fn from_fields(fields: &Fields<'a>) -> Result<Self, FrameError> {
        const KIND: &str = "tool_result";
        let call_id = fields.required_call_id(KIND)?;
        // JavaScript leaves a member out that is `undefined`, as the result of a tool that returns nothing is.
        let result = fields.result.unwrap_or(RawValue::NULL);
        // A figure for the eye: no result is lost over it.
        let latency_ms = fields.latency_ms().unwrap_or(0);
        Ok(Self { call_id, result, latency_ms })
    }
}

impl fmt::Debug for ToolResult<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, result, latency_ms } = self;
        f.debug_struct("ToolResult")
            .field("call_id", call_id)
            .field("result_bytes", &result.get().len())
            .field("latency_ms", latency_ms)
            .finish()
    }
}

/// A call that failed.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ToolFailure<'a> {
    /// The call this answers.
    #[serde(borrow)]
    pub call_id: Cow<'a, str>,
    /// The message for the caller.
    pub error: Cow<'a, str>,
    /// The causes behind it or the stack, where the tool shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceback: Option<Cow<'a, str>>,
    /// The facts about the failure, as members of the frame; needs [`Feature::ErrorDetails`].
    #[serde(flatten)]
    pub details: ErrorDetails,
}

impl<'a> ToolFailure<'a> {
    /// The failure of one call.
    #[must_use]
    pub fn new(call_id: &'a str, error: impl Into<Cow<'a, str>>) -> Self {
        Self { call_id: Cow::Borrowed(call_id), error: error.into(), traceback: None, details: ErrorDetails::default() }
    }

    /// Adds the causes behind the failure.
    #[must_use]
    pub fn with_traceback(mut self, traceback: impl Into<Cow<'a, str>>) -> Self {
        self.traceback = Some(traceback.into());
        self
    }

    /// Adds the facts about the failure.
    #[must_use]
    pub fn with_details(mut self, details: ErrorDetails) -> Self {
        self.details = details;
        self
    }

    fn parse(fields: &Fields<'a>, text: &'a str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Failure<'a> {
            #[serde(default = "unnamed_error", deserialize_with = "error_text")]
            error: String,
            #[serde(default)]
            traceback: Option<String>,
            // Raw, so that no failure is lost over a member that a worker uses for something else.
            #[serde(borrow, default)]
            code: Option<&'a RawValue>,
            #[serde(borrow, default)]
            retryable: Option<&'a RawValue>,
            #[serde(borrow, default)]
            details: Option<&'a RawValue>,
        }
        const SPELLINGS: &[Spelling] =
            &[("error", "message"), ("traceback", "stack"), ("code", ""), ("retryable", ""), ("details", "")];
        let (call_id, failure) = of_call("tool_error", fields, text, SPELLINGS)?;
        let Failure { error, traceback, code, retryable, details } = failure;
        let details = ErrorDetails::read(code, retryable, details);
        Ok(Self { call_id, error: Cow::Owned(error), traceback: traceback.map(Cow::Owned), details })
    }
}

/// The error of a tool that gives none, as the other platform has it.
fn unnamed_error() -> String {
    "tool_error".to_owned()
}

/// The text of an error: a value that is not a string is written as JSON, and an empty one becomes [`unnamed_error`].
fn error_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => unnamed_error(),
        Value::String(text) if text.trim().is_empty() => unnamed_error(),
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// The two halves of a `tool_result` around a result that is written in place.
///
/// A tool writes its result straight into the frame that carries it: the head goes in first, the tool appends its JSON,
/// the tail closes the frame. Nothing is copied or parsed again.
pub mod result_frame {
    use super::Serialize;

    /// Room for the tail: its fixed text and the longest `u64`.
    pub const TAIL_BYTES: usize = r#","latency_ms":18446744073709551615}"#.len();

    /// Writes everything before the result.
    pub fn head(frame: &mut Vec<u8>, call_id: &str) {
        frame.extend_from_slice(br#"{"type":"tool_result","call_id":"#);
        write(frame, call_id);
        frame.extend_from_slice(br#","result":"#);
    }

    /// Writes everything after the result.
    pub fn tail(frame: &mut Vec<u8>, latency_ms: u64) {
        frame.extend_from_slice(br#","latency_ms":"#);
        write(frame, &latency_ms);
        frame.push(b'}');
    }

    fn write<T: Serialize + ?Sized>(frame: &mut Vec<u8>, value: &T) {
        value.serialize(&mut serde_json::Serializer::new(frame)).expect("texts and numbers serialize into memory");
    }
}
