//! [`PlatformFrame`]: a frame that a platform sends to a worker. `worker.rs` has the frames of the other direction.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::call_fields::{Fields, is_object, whole};
use super::camel_case::Spelling;
use super::extension_frames::{Drain, ResultAck, ToolCancel};
use super::extension_names::{Feature, Features};
use super::frame_error::{FrameError, malformed};
use crate::json_members::{millis, unknown_kind};

/// A frame from a platform.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlatformFrame<'a> {
    /// The worker is authenticated.
    Welcome(Welcome),
    /// A registration was stored.
    ToolsRegistered(ToolsRegistered),
    /// A registration came too soon; register again on this socket after the delay.
    RegisterThrottled(RegisterThrottled),
    /// Everything sent before the heartbeat it answers has arrived.
    HeartbeatAck {},
    /// Run a tool.
    #[serde(borrow)]
    ToolCall(ToolCall<'a>),
    /// A heartbeat reported a tool as degraded or down.
    ToolHealthAlert(ToolHealthAlert),
    /// Give a call up; needs [`Feature::Cancel`].
    ToolCancel(ToolCancel<'a>),
    /// Replies have arrived; needs [`Feature::ResultAck`].
    ResultAck(ResultAck<'a>),
    /// The platform is about to close this socket, so the worker opens another one; needs [`Feature::Drain`].
    Drain(Drain),
    /// A refusal, which the platform closes the socket after; or some failure of its own, such as a registration that it could not
    /// store, after which the socket stays open.
    Error {
        /// The reason, in words.
        error: String,
    },
}

impl<'a> PlatformFrame<'a> {
    /// Reads one frame.
    ///
    /// # Errors
    /// The text is not JSON, not a frame, of an unknown type, or lacks what its type needs.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let (kind, fields) = Fields::read(text)?;
        Ok(match &*kind {
            "tool_call" => Self::ToolCall(ToolCall::from_fields(&fields)?),
            "heartbeat_ack" => Self::HeartbeatAck {},
            "welcome" => Self::Welcome(whole("welcome", text, Welcome::SPELLINGS)?),
            "tools_registered" => Self::ToolsRegistered(whole("tools_registered", text, ToolsRegistered::SPELLINGS)?),
            "register_throttled" => {
                Self::RegisterThrottled(whole("register_throttled", text, RegisterThrottled::SPELLINGS)?)
            }
            "tool_health_alert" => Self::ToolHealthAlert(whole("tool_health_alert", text, &[])?),
            "tool_cancel" => Self::ToolCancel(ToolCancel::parse(&fields, text)?),
            "result_ack" => Self::ResultAck(ResultAck::parse(text)?),
            "drain" => Self::Drain(whole("drain", text, Drain::SPELLINGS)?),
            "error" => {
                #[derive(Deserialize)]
                struct Refusal {
                    #[serde(default)]
                    error: String,
                }
                Self::Error { error: whole::<Refusal>("error", text, &[("error", "message")])?.error }
            }
            _ => return Err(FrameError::UnknownType(unknown_kind(&kind))),
        })
    }

    /// The extension a frame belongs to; `None` for those that every platform may send.
    #[must_use]
    pub fn feature(&self) -> Option<Feature> {
        match self {
            Self::ToolCancel(_) => Some(Feature::Cancel),
            Self::ResultAck(_) => Some(Feature::ResultAck),
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

/// The platform's greeting, after the worker's secret was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Welcome {
    /// The platform's id for this connection.
    pub sdk_connection_id: String,
    /// The organization the worker's entity belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The older spelling of `organization_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org_id: Option<String>,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_id: Option<String>,
    /// The entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// Extensions both sides speak, out of those the worker offered.
    #[serde(default, skip_serializing_if = "Features::is_empty")]
    pub features: Features,
}

impl Welcome {
    const SPELLINGS: &[Spelling] = &[
        ("sdk_connection_id", "sdkConnectionId"),
        ("organization_id", "organizationId"),
        ("org_id", "orgId"),
        ("project_id", "projectId"),
        ("environment_id", "environmentId"),
        ("entity_id", "entityId"),
        ("features", ""),
    ];

    /// A greeting for a connection, without any scope.
    #[must_use]
    pub fn new(sdk_connection_id: impl Into<String>) -> Self {
        Self {
            sdk_connection_id: sdk_connection_id.into(),
            organization_id: None,
            org_id: None,
            project_id: None,
            environment_id: None,
            entity_id: None,
            features: Features::none(),
        }
    }

    /// The organization, under whichever of its two names it came.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        self.organization_id.as_deref().or(self.org_id.as_deref())
    }
}

/// The changes of a registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ToolsRegistered {
    /// The entity.
    pub entity_id: String,
    /// The environment.
    pub environment_id: String,
    /// The number of registered tools.
    pub count: u64,
    /// The number of new tools.
    #[serde(deserialize_with = "count_or_names")]
    pub new_tools: u64,
    /// The number of changed tools.
    #[serde(deserialize_with = "count_or_names")]
    pub updated: u64,
    /// The number of tools that are gone because the registration left them out.
    #[serde(deserialize_with = "count_or_names")]
    pub pruned: u64,
}

impl ToolsRegistered {
    const SPELLINGS: &[Spelling] = &[
        ("entity_id", "entityId"),
        ("environment_id", "environmentId"),
        ("count", ""),
        ("new_tools", "newTools"),
        ("updated", ""),
        ("pruned", ""),
    ];

    /// The answer to a registration.
    #[must_use]
    pub fn new(entity_id: impl Into<String>, environment_id: impl Into<String>) -> Self {
        Self { entity_id: entity_id.into(), environment_id: environment_id.into(), ..Self::default() }
    }
}

/// Platforms send a number; one SDK's schema has a list of names. Both mean how many.
fn count_or_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Count(u64),
        Names(Vec<String>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Count(count) => count,
        Either::Names(names) => names.len() as u64,
    })
}

/// A registration that came too soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegisterThrottled {
    /// The reason, in words.
    #[serde(default)]
    pub error: String,
    /// The time to wait before registering again, in milliseconds; a minute where the platform names none that can be read.
    #[serde(default = "a_minute", deserialize_with = "milliseconds")]
    pub retry_after_ms: u64,
}

fn a_minute() -> u64 {
    60_000
}

/// Also a number with a fraction: the wait matters, and without one the tools would never be registered.
fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let written = Value::deserialize(deserializer)?;
    Ok(millis(&written).unwrap_or_else(a_minute))
}

impl RegisterThrottled {
    const SPELLINGS: &[Spelling] = &[("error", "message"), ("retry_after_ms", "retryAfterMs")];

    /// A refusal of one registration.
    #[must_use]
    pub fn new(error: impl Into<String>, retry_after_ms: u64) -> Self {
        Self { error: error.into(), retry_after_ms }
    }
}

/// A call of a tool. `Debug` shows the length of its params, not the text.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ToolCall<'a> {
    /// Unique per call; the reply carries it back.
    #[serde(borrow)]
    pub call_id: Cow<'a, str>,
    /// The tool to run.
    pub tool_name: Cow<'a, str>,
    /// A JSON object: the arguments, then the envelopes `_context` and `__platos`.
    pub params: &'a RawValue,
}

impl<'a> ToolCall<'a> {
    /// A call of a tool; `params` is a JSON object.
    #[must_use]
    pub fn new(call_id: &'a str, tool_name: &'a str, params: &'a RawValue) -> Self {
        Self { call_id: Cow::Borrowed(call_id), tool_name: Cow::Borrowed(tool_name), params }
    }

    fn from_fields(fields: &Fields<'a>) -> Result<Self, FrameError> {
        const KIND: &str = "tool_call";
        let call_id = fields.required_call_id(KIND)?;
        let Some(tool_name) = fields.tool_name() else {
            return Err(malformed(KIND, Some(call_id), "`tool_name` must be a string that is not empty"));
        };
        match fields.params {
            Some(params) if is_object(params) => Ok(Self { call_id, tool_name, params }),
            _ => Err(malformed(KIND, Some(call_id), "`params` must be an object")),
        }
    }
}

impl fmt::Debug for ToolCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, tool_name, params } = self;
        f.debug_struct("ToolCall")
            .field("call_id", call_id)
            .field("tool_name", tool_name)
            .field("params_bytes", &params.get().len())
            .finish()
    }
}

/// The platform's notice that a tool is not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolHealthAlert {
    /// The tool.
    pub tool: String,
    /// `degraded` or `down`; a platform may have further ones.
    pub status: String,
    /// The figures the status rests on; or the reason for which the tool was not registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

impl ToolHealthAlert {
    /// A notice about one tool.
    #[must_use]
    pub fn new(tool: impl Into<String>, status: impl Into<String>, details: Option<serde_json::Value>) -> Self {
        Self { tool: tool.into(), status: status.into(), details }
    }
}
