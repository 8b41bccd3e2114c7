//! [`ModelCall`]: a call of a tool that a model requests. [`make_all`] makes the calls that one answer requests.

use futures::future::join_all;
use platools::tool::object_in_text;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::tool_offer::ToolOffer;
use crate::agents::{ToolUse, failure};
use crate::domain::random;

/// A call that a model requests.
#[derive(Debug)]
pub(super) struct ModelCall {
    id: String,
    name: String,
    arguments: Result<Box<RawValue>, NotJson>,
}

/// Arguments that are not JSON.
#[derive(Debug)]
struct NotJson {
    text: String,
    problem: String,
}

/// The outcome of a call, as the model reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ToolReply {
    pub(super) id: String,
    pub(super) content: String,
}

impl ModelCall {
    pub(super) fn new(id: String, name: String, arguments: &str) -> Self {
        // Many models write nothing for an empty object.
        let text = if arguments.trim().is_empty() { "{}" } else { arguments };
        let arguments = serde_json::from_str(text).or_else(|error| {
            // Some models put a code fence around them.
            let object = object_in_text(&json!(text).to_string()).and_then(|object| RawValue::from_string(object).ok());
            object.ok_or_else(|| NotJson { text: text.to_owned(), problem: error.to_string() })
        });
        // Without an id, the result could not be assigned to its call.
        let id = if id.is_empty() { format!("call_{}", random::hex_of::<8>()) } else { id };
        Self { id, name, arguments }
    }

    /// The call as the conversation keeps it. Arguments that are not JSON become an object with their text: some endpoints parse the
    /// arguments of earlier calls.
    pub(super) fn to_use(&self) -> ToolUse {
        let arguments = match &self.arguments {
            Ok(arguments) => arguments.clone(),
            Err(NotJson { text, .. }) => to_raw_value(&json!({"not_json": text})).expect("strings always serialize"),
        };
        ToolUse { id: self.id.clone(), name: self.name.clone(), arguments }
    }

    async fn make(&self, offer: &ToolOffer<'_>) -> String {
        match &self.arguments {
            Ok(arguments) => {
                let own = offer.arguments(&self.name, arguments);
                match offer.tools().call(&self.name, own.as_deref().unwrap_or(arguments)).await {
                    Ok(result) => result.get().to_owned(),
                    Err(error) => failure(&error).get().to_owned(),
                }
            }
            Err(NotJson { problem, .. }) => {
                error(&format!("the arguments are no JSON, so the tool was not called: {problem}"))
            }
        }
    }
}

/// Makes calls, all at the same time, and returns their replies in the same order. Calls past a limit are refused.
pub(super) async fn make_all(calls: &[ModelCall], limit: usize, offer: &ToolOffer<'_>) -> Vec<ToolReply> {
    let make = async |(at, call): (usize, &ModelCall)| {
        let content = if at < limit {
            call.make(offer).await
        } else {
            error("no more tools may be called; answer with what is known")
        };
        ToolReply { id: call.id.clone(), content }
    };
    join_all(calls.iter().enumerate().map(make)).await
}

fn error(text: &str) -> String {
    json!({"error": text}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(arguments: &str) -> String {
        ModelCall::new("1".to_owned(), "a".to_owned(), arguments).to_use().arguments.get().to_owned()
    }

    #[test]
    fn arguments_are_kept_as_they_are_and_are_always_json() {
        for (arguments, expected) in [
            ("{\"a\": 1.0}", "{\"a\": 1.0}"),
            ("", "{}"),
            (" ", "{}"),
            ("[1]", "[1]"),
            ("```json\n{\"a\": 1}\n```", "{\"a\": 1}"),
            ("{\"a\": ", "{\"not_json\":\"{\\\"a\\\": \"}"),
        ] {
            assert_eq!(kept(arguments), expected, "{arguments}");
        }
    }

    #[test]
    fn a_call_without_an_id_has_one_of_its_own() {
        let id = || ModelCall::new(String::new(), String::new(), "").id;
        assert!(id().starts_with("call_") && id() != id());
    }
}
