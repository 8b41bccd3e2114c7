//! The `params` of a call as they travel to the worker.

use std::borrow::Cow;

use platools::signature::{call_body, sign};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;

use super::arguments::Arguments;
use super::clock::{rfc3339, wall_ms};
use super::identity::{Caller, Identity};
use super::ids::CallId;
use super::javascript::javascript_form;
use super::random;
use super::trace::TraceContext;

/// The `agentId` of a call that no agent makes.
const NO_AGENT: &str = "default";

/// The form in which a worker takes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentForm {
    /// As their caller wrote them, for workers that verify signatures over the text that they receive.
    AsWritten,
    /// As JavaScript writes them, for workers that parse them first and verify the signature over a text of their own.
    JavaScript,
}

/// Everything a call's `params` are made of.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) caller: &'a Caller,
    pub(crate) call_id: &'a CallId,
    pub(crate) tool: &'a str,
    pub(crate) arguments: &'a Arguments,
    /// Until when somebody waits for the answer, in milliseconds since 1970.
    pub(crate) deadline_ms: i64,
    pub(crate) trace: &'a TraceContext,
}

/// What the operator tells every tool. It is signed with the arguments.
#[derive(Serialize)]
struct Context<'a> {
    #[serde(rename = "user.id", skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    deadline: String,
    traceparent: String,
}

/// Who calls, on whose behalf, and the proof of it. Every value is a string; one that does not apply is empty.
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
    signature: &'a str,
}

impl Envelope<'_> {
    /// The arguments, then `_context`, then `__platos` signed with the worker's secret.
    pub(crate) fn params(&self, secret: &SecretString, form: ArgumentForm) -> Box<RawValue> {
        // The worker compares this with its own clock.
        self.signed(secret, form, &rfc3339(wall_ms()), &random::hex_of::<16>())
    }

    fn signed(&self, secret: &SecretString, form: ArgumentForm, timestamp: &str, nonce: &str) -> Box<RawValue> {
        let unsigned = self.unsigned_params(form);
        let body = call_body(self.tool, &unsigned);
        let signature = sign(secret.expose_secret(), timestamp, Some(nonce), &body);
        let platos = json(&Platos {
            organization_id: self.identity.organization_id.as_str(),
            project_id: self.identity.project_id.as_str(),
            environment_id: self.identity.environment_id.as_str(),
            entity_id: &self.identity.entity,
            user_id: self.caller.user_id.as_deref().unwrap_or_default(),
            agent_id: self.caller.agent_id.as_ref().map_or(NO_AGENT, |agent| agent.as_str()),
            thread_id: "",
            call_id: self.call_id.as_str(),
            timestamp,
            nonce,
            signature: &signature,
        });
        let params = format!(r#"{},"__platos":{platos}}}"#, without_end(&unsigned));
        RawValue::from_string(params).expect("an object with one more member is still an object")
    }

    /// The arguments and `_context`: what the signature covers.
    fn unsigned_params(&self, form: ArgumentForm) -> String {
        let arguments = match form {
            ArgumentForm::AsWritten => Cow::Borrowed(self.arguments.as_str()),
            ArgumentForm::JavaScript => javascript_form(self.arguments.as_str()),
        };
        let open = without_end(&arguments);
        let comma = if open == "{" { "" } else { "," };
        let context = json(&Context {
            user_id: self.caller.user_id.as_deref(),
            deadline: rfc3339(self.deadline_ms),
            traceparent: self.trace.traceparent(),
        });
        format!(r#"{open}{comma}"_context":{context}}}"#)
    }
}

/// An object without its closing brace, so that one more member fits.
fn without_end(object: &str) -> &str {
    object.strip_suffix('}').expect("an object ends in a brace")
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(trace: &TraceContext, form: ArgumentForm, arguments: &str) -> String {
        let identity = Identity::sample();
        let caller = Caller { user_id: Some("u-1".to_owned()), agent_id: Some("agt".into()), ..Caller::sample("key") };
        let raw: &RawValue = serde_json::from_str(arguments).unwrap();
        let (call_id, arguments) = (CallId::from("call-1"), Arguments::new(raw).unwrap());
        let envelope = Envelope {
            identity: &identity,
            caller: &caller,
            call_id: &call_id,
            tool: "no\"te",
            arguments: &arguments,
            deadline_ms: 1_789_430_430_000,
            trace,
        };
        envelope.signed(&"s".to_owned().into(), form, "2026-09-15T00:00:00.000Z", "00ff").get().to_owned()
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
