//! [`Request`]: a request for a chat completion, read and checked from the JSON of its body.

use axum::body::Body;
use platools_protocol::rpc::MAX_USER_ID_CHARS;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::errors::{invalid, unsupported};
use super::messages::{ChatMessage, ParsedMessages};
use crate::agents::chat::Completion;
use crate::authority::speaking_for;
use crate::core::Core;
use crate::domain::error::Error;
use crate::domain::identity::Caller;
use crate::limits::HeldBytes;
use crate::listen::http::ErrorView;
use crate::listen::{parse_object, read_text};

/// The body of a request. Members that only matter to a model, such as a temperature, are ignored: an agent's profile decides.
#[derive(Deserialize)]
struct CompletionBody {
    model: String,
    messages: Vec<ChatMessage>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    user: Option<String>,
    n: Option<u32>,
    tools: Option<Vec<IgnoredAny>>,
    functions: Option<Vec<IgnoredAny>>,
    response_format: Option<ResponseFormat>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct ResponseFormat {
    r#type: String,
}

/// The message for an agent, and the form of the answer.
pub(super) struct Request {
    pub(super) agent: String,
    talk: ParsedMessages,
    user: Option<String>,
    pub(super) form: AnswerFormat,
    /// The share of the gateway's budget that the messages take as long as they are there.
    #[expect(dead_code, reason = "it is kept, not used")]
    held: Option<HeldBytes>,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerFormat {
    /// At once.
    Whole,
    /// As it comes.
    Stream,
    /// As it comes, and at the end what it cost.
    StreamWithUsage,
}

impl Request {
    pub(super) async fn read(body: Body, core: &Core, caller: &Caller) -> Result<Self, ErrorView> {
        let held = core.limiter.body_of(caller.credential.to_string());
        let (text, held) = read_text(body, held, core.limiter.body_bytes()).await?.into_parts();
        let request = Self::parse(&text)?;
        Ok(Self { held: Some(held), ..request })
    }

    fn parse(text: &str) -> Result<Self, ErrorView> {
        let asked: CompletionBody = parse_object(text).map_err(ErrorView::invalid)?;
        asked.check()?;
        let form = match (asked.stream, asked.stream_options.unwrap_or_default().include_usage) {
            (Some(true), Some(true)) => AnswerFormat::StreamWithUsage,
            (Some(true), _) => AnswerFormat::Stream,
            _ => AnswerFormat::Whole,
        };
        let user = asked.user.filter(|user| !user.is_empty());
        Ok(Self { agent: asked.model, talk: ParsedMessages::read(asked.messages)?, user, form, held: None })
    }

    /// The caller, speaking for the user that the request names, unless its token is a user's already.
    ///
    /// # Errors
    /// The key or token may not speak for that user.
    pub(super) fn caller(&self, caller: Caller) -> Result<Caller, Error> {
        match &self.user {
            Some(user) if caller.user_id.is_none() => Ok(speaking_for(caller, user)?),
            _ => Ok(caller),
        }
    }

    pub(super) fn completion(&self) -> Completion<'_> {
        Completion {
            agent: &self.agent,
            instructions: &self.talk.instructions,
            history: &self.talk.history,
            message: &self.talk.message,
        }
    }
}

impl CompletionBody {
    /// Refuses what would otherwise be left undone without a word.
    fn check(&self) -> Result<(), ErrorView> {
        for (param, tools) in [("tools", &self.tools), ("functions", &self.functions)] {
            if tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
                let message = format!(
                    "`{param}` cannot be sent along: an agent calls the tools that are connected to the gateway"
                );
                return Err(unsupported(param, message));
            }
        }
        if self.n.is_some_and(|n| n != 1) {
            return Err(unsupported("n", "`n` must be 1: an agent answers once"));
        }
        if self.response_format.as_ref().is_some_and(|format| format.r#type != "text") {
            return Err(unsupported("response_format", "`response_format` must be text: agents answer in text"));
        }
        if self.user.as_ref().is_some_and(|user| user.chars().nth(MAX_USER_ID_CHARS).is_some()) {
            return Err(invalid("user", format!("`user` has at most {MAX_USER_ID_CHARS} characters")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::errors::body as error_body;
    use super::*;

    fn parse(more: Value) -> Result<Request, String> {
        let mut body = json!({"model": "main", "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Request::parse(&body.to_string()).map_err(|error| error_body(&error)["error"]["message"].to_string())
    }

    #[test]
    fn an_answer_is_sent_as_the_client_wants_it() {
        for (more, form) in [
            (json!({}), AnswerFormat::Whole),
            (json!({"stream": null, "temperature": 0.5, "tools": [], "n": 1}), AnswerFormat::Whole),
            (json!({"stream": true}), AnswerFormat::Stream),
            (json!({"stream": true, "stream_options": {"include_usage": true}}), AnswerFormat::StreamWithUsage),
            (json!({"stream_options": {"include_usage": true}}), AnswerFormat::Whole),
        ] {
            assert_eq!(parse(more).ok().unwrap().form, form);
        }
    }

    #[test]
    fn what_agents_do_not_do_is_refused() {
        for (more, part) in [
            (json!({"tools": [{}]}), "`tools` cannot be sent along"),
            (json!({"functions": [{}]}), "`functions` cannot be sent along"),
            (json!({"n": 2}), "`n` must be 1"),
            (json!({"response_format": {"type": "json_object"}}), "`response_format` must be text"),
            (json!({"user": "u".repeat(256)}), "`user` has at most 255"),
            (json!({"model": 1}), "`model` must be a string"),
        ] {
            let refused = parse(more).err().unwrap();
            assert!(refused.contains(part), "{refused}");
        }
        assert!(Request::parse("[]").is_err() && Request::parse("{").is_err());
    }

    #[test]
    fn the_user_is_the_tokens_or_the_requests_or_nobody() {
        let caller = |user: Option<&str>| Caller { user_id: user.map(str::to_owned), ..Caller::sample("key_1") };
        let (named, unnamed) = (parse(json!({"user": "ada"})).ok().unwrap(), parse(json!({"user": ""})).ok().unwrap());
        for (request, own, user) in [
            (&named, Some("bob"), Some("bob")),
            (&named, None, Some("ada")),
            (&unnamed, Some("bob"), Some("bob")),
            (&unnamed, None, None),
        ] {
            assert_eq!(request.caller(caller(own)).unwrap().user_id.as_deref(), user);
        }
    }
}
