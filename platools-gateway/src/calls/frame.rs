//! [`CallFrameParts`]: writes the `tool_call` frame of a call from the arguments, the caller and the deadline, and signs it for the worker.
//! [`ShippedCall`] has the parts for the gateway that has the worker's socket, if that is another one.

use std::borrow::Cow;
use std::fmt;

use platools_protocol::signature::sign_call;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::idempotency::KeyedCallGrant;
use crate::arguments::Arguments;
use crate::arguments::json_stringify::javascript_form;
use crate::background::offload::offload_in_turn;
use crate::domain::identity::Identity;
use crate::domain::ids::{AgentId, CallId};
use crate::domain::random;
use crate::links::{ArgumentForm, CallForm, CallFrame};
use crate::ports::time::{rfc3339, wall_ms};

/// The contents of a call's frame: the arguments, and the values of the envelopes.
#[derive(Debug)]
pub(crate) struct CallFrameParts<'a> {
    pub(crate) identity: &'a Identity,
    /// The user that the caller speaks for.
    pub(crate) user_id: Option<&'a str>,
    /// The agent that the caller belongs to.
    pub(crate) agent_id: Option<&'a AgentId>,
    pub(crate) call_id: &'a CallId,
    pub(crate) tool: &'a str,
    pub(crate) arguments: &'a Arguments,
    /// The time until which the caller waits for the answer, in milliseconds since 1970.
    pub(crate) deadline_ms: i64,
    /// The W3C trace context for the worker.
    pub(crate) traceparent: &'a str,
    /// Lets another gateway keep the answer, if the call has an idempotency key.
    pub(crate) grant: Option<&'a KeyedCallGrant>,
}

/// The parts of a call's frame as they travel from the gateway where the call began to the one that has the worker's socket.
#[derive(Deserialize)]
pub(crate) struct ShippedCall {
    pub(crate) call_id: CallId,
    pub(crate) tool: String,
    /// A JSON object, as [`Arguments`] has it.
    arguments: Box<RawValue>,
    user_id: Option<String>,
    agent_id: Option<AgentId>,
    deadline_ms: i64,
    /// The time until the deadline: the clocks of gateways differ.
    pub(crate) remaining_ms: u64,
    traceparent: String,
    /// Lets the gateway keep the answer, if the one where the call began is gone.
    #[serde(default)]
    pub(crate) grant: Option<KeyedCallGrant>,
}

/// [`ShippedCall`] as it is written, without the arguments.
#[derive(Serialize)]
struct ShippedParts<'a> {
    call_id: &'a CallId,
    tool: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a AgentId>,
    deadline_ms: i64,
    remaining_ms: u64,
    traceparent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'a KeyedCallGrant>,
}

impl ShippedCall {
    /// The frame of the call for a worker.
    pub(crate) async fn frame(self, identity: &Identity, form: CallForm<'_>) -> CallFrame {
        let Self { call_id, tool, arguments, user_id, agent_id, deadline_ms, traceparent, .. } = self;
        let parts = CallFrameParts {
            identity,
            user_id: user_id.as_deref(),
            agent_id: agent_id.as_ref(),
            call_id: &call_id,
            tool: &tool,
            arguments: &Arguments::already_checked(arguments),
            deadline_ms,
            traceparent: &traceparent,
            grant: None,
        };
        parts.frame(form).await
    }
}

/// Names only: arguments belong to the caller and the worker.
impl fmt::Debug for ShippedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, tool, .. } = self;
        f.debug_struct("ShippedCall").field("call_id", call_id).field("tool", tool).finish_non_exhaustive()
    }
}

impl CallFrameParts<'_> {
    /// The frame of the call: the arguments, then `_context`, then `__platos` signed with the worker's secret. For another gateway, the parts.
    ///
    /// A large one is signed and written on a blocking thread.
    pub(crate) async fn frame(&self, form: CallForm<'_>) -> CallFrame {
        let (secret, form) = match form {
            CallForm::Signed(secret, form) => (secret, form),
            CallForm::Parts => return self.shipped(),
        };
        // The worker compares this with its own clock.
        let unsigned = self.unsigned(secret, form, rfc3339(wall_ms()), random::hex_of::<16>());
        offload_in_turn(self.arguments.len(), move || unsigned.signed()).await
    }

    /// The parts as JSON.
    fn shipped(&self) -> CallFrame {
        let parts = json(&ShippedParts {
            call_id: self.call_id,
            tool: self.tool,
            user_id: self.user_id,
            agent_id: self.agent_id,
            deadline_ms: self.deadline_ms,
            remaining_ms: u64::try_from(self.deadline_ms.saturating_sub(wall_ms())).unwrap_or(0),
            traceparent: self.traceparent,
            grant: self.grant,
        });
        CallFrame::new([without_end(&parts), r#","arguments":"#, self.arguments.as_str(), "}"].concat())
    }

    fn unsigned(&self, secret: &SecretString, form: ArgumentForm, timestamp: String, nonce: String) -> UnsignedFrame {
        let context = json(&Context {
            user_id: self.user_id,
            deadline: rfc3339(self.deadline_ms),
            traceparent: self.traceparent,
        });
        let platos = json(&Platos {
            organization_id: self.identity.organization_id.as_str(),
            project_id: self.identity.project_id.as_str(),
            environment_id: self.identity.environment_id.as_str(),
            entity_id: &self.identity.entity,
            user_id: self.user_id.unwrap_or_default(),
            agent_id: self.agent_id.map_or(NO_AGENT, AgentId::as_str),
            thread_id: "",
            call_id: self.call_id.as_str(),
            timestamp: &timestamp,
            nonce: &nonce,
        });
        let head = format!(
            r#"{{"type":"tool_call","call_id":{},"tool_name":{},"params":"#,
            json(&self.call_id.as_str()),
            json(&self.tool)
        );
        let (tool, arguments, secret) = (self.tool.to_owned(), self.arguments.clone(), secret.clone());
        UnsignedFrame { head, tool, arguments, form, context, platos, secret, timestamp, nonce }
    }
}

/// The operator's context for every tool. It is signed with the arguments.
#[derive(Serialize)]
struct Context<'a> {
    #[serde(rename = "user.id", skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    deadline: String,
    traceparent: &'a str,
}

/// The caller and its user; the signature, which proves them, follows. Every value is a string; one that does not apply is empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Platos<'a> {
    organization_id: &'a str,
    project_id: &'a str,
    environment_id: &'a str,
    entity_id: &'a str,
    user_id: &'a str,
    agent_id: &'a str,
    thread_id: &'a str,
    call_id: &'a str,
    timestamp: &'a str,
    nonce: &'a str,
}

/// The texts of a call's frame, before they are signed.
struct UnsignedFrame {
    /// The frame up to its `params`.
    head: String,
    tool: String,
    arguments: Arguments,
    form: ArgumentForm,
    context: String,
    /// `__platos` without its signature.
    platos: String,
    secret: SecretString,
    timestamp: String,
    nonce: String,
}

impl UnsignedFrame {
    /// The frame, in which the arguments are copied once.
    fn signed(&self) -> CallFrame {
        let Self { head, tool, arguments, form, context, platos, secret, timestamp, nonce } = self;
        let arguments = match form {
            ArgumentForm::AsWritten => Cow::Borrowed(arguments.as_str()),
            ArgumentForm::JavaScript => javascript_form(arguments.as_str()),
        };
        let length = head.len() + arguments.len() + context.len() + platos.len() + AROUND;
        let mut frame = String::with_capacity(length);
        frame.push_str(head);
        let begin = frame.len();
        let open = without_end(&arguments);
        let comma = if open == "{" { "" } else { "," };
        frame.extend([open, comma, r#""_context":"#, context]);
        // The signature covers the object so far, with its end.
        let covered = [&frame[begin..], "}"];
        let signature = sign_call(secret.expose_secret(), timestamp, Some(nonce), tool, covered);
        frame.extend([r#","__platos":"#, without_end(platos), r#","signature":""#, &signature, r#""}}}"#]);
        CallFrame::new(frame)
    }
}

/// The `agentId` of a call that no agent makes.
const NO_AGENT: &str = "default";

/// Bytes of a frame beside the parts of variable length: the names of the envelopes, the signature and the ends.
const AROUND: usize = 160;

/// An object without its closing brace, so that one more member fits.
fn without_end(object: &str) -> &str {
    object.strip_suffix('}').expect("an object ends in a brace")
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings always serialize")
}

#[cfg(test)]
mod tests {
    use platools_protocol::signature::sign;
    use platools_protocol::tool_sync::{PlatformFrame, ToolCall};

    use super::*;
    use crate::domain::trace::TraceContext;

    fn params(trace: &TraceContext, form: ArgumentForm, arguments: &str) -> String {
        let identity = Identity::sample();
        let agent_id = AgentId::from("agt");
        let raw: &RawValue = serde_json::from_str(arguments).unwrap();
        let (call_id, arguments) = (CallId::from("call-1"), Arguments::parse(raw).unwrap());
        let parts = CallFrameParts {
            identity: &identity,
            user_id: Some("u-1"),
            agent_id: Some(&agent_id),
            call_id: &call_id,
            tool: "no\"te",
            arguments: &arguments,
            deadline_ms: 1_789_430_430_000,
            traceparent: &trace.traceparent(),
            grant: None,
        };
        let (timestamp, nonce) = ("2026-09-15T00:00:00.000Z".to_owned(), "00ff".to_owned());
        let unsigned = parts.unsigned(&"s".to_owned().into(), form, timestamp, nonce);
        let frame = unsigned.signed().into_text();
        let params = frame[unsigned.head.len()..frame.len() - 1].to_owned();
        let raw: &RawValue = serde_json::from_str(&params).unwrap();
        assert_eq!(frame, PlatformFrame::ToolCall(ToolCall::new("call-1", "no\"te", raw)).to_text());
        params
    }

    #[test]
    fn the_envelopes_follow_the_arguments_with_platos_last() {
        let trace = TraceContext::from_parent(None);
        let context = format!(
            r#"{{"user.id":"u-1","deadline":"2026-09-15T00:00:30.000Z","traceparent":"{}"}}"#,
            trace.traceparent()
        );
        let signed = format!(
            r#"{{"method":"tools/call","params":{{"name":"no\"te","arguments":{{"b":1,"a":[2],"_context":{context}}}}}}}"#
        );
        let signature = sign("s", "2026-09-15T00:00:00.000Z", Some("00ff"), &signed);
        let platos = format!(
            concat!(
                r#"{{"organizationId":"org","projectId":"prj","environmentId":"env","entityId":"dev","#,
                r#""userId":"u-1","agentId":"agt","threadId":"","callId":"call-1","#,
                r#""timestamp":"2026-09-15T00:00:00.000Z","nonce":"00ff","signature":"{}"}}"#,
            ),
            signature
        );
        let expected = format!(r#"{{"b":1,"a":[2],"_context":{context},"__platos":{platos}}}"#);
        assert_eq!(params(&trace, ArgumentForm::AsWritten, r#"{ "b": 1, "a": [ 2 ] }"#), expected);
        let written = r#"{"b":1.0,"\u0061":[2e0]}"#;
        assert_eq!(params(&trace, ArgumentForm::JavaScript, written), expected, "signed in the form that travels");
    }

    #[test]
    fn without_arguments_the_envelopes_stand_alone() {
        let alone = params(&TraceContext::from_parent(None), ArgumentForm::JavaScript, "{ }");
        assert!(alone.starts_with(r#"{"_context":{"user.id":"u-1","#), "{alone}");
    }
}
