//! [`Run`]: one run of a model agent: it asks the model again after each round of calls, until the model calls no more tools.

use async_openai::types::chat::{
    ChatCompletionStreamOptions, ChatCompletionToolChoiceOption, CreateChatCompletionRequest, ToolChoiceOptions,
};

use super::calls::{Call, make_all};
use super::failure::ModelFailure;
use super::offer::Offer;
use super::stream::AnswerStream;
use super::turn::Turn;
use super::{ModelAgent, messages};
use crate::agents::{Answer, Input, Message, RunTools, Speech};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::profile::Profile;

/// An endpoint may refuse tools so often in one run. The next run goes on without those that were refused.
const MAX_REFUSALS: usize = 32;

/// A run of a model agent.
pub(super) struct Run<'a> {
    agent: &'a ModelAgent,
    tools: &'a RunTools<'a>,
    speech: &'a Speech<'a>,
    offer: Offer<'a>,
    /// The next request to the model.
    request: CreateChatCompletionRequest,
    answer: Answer,
    /// Calls that the run may still make.
    calls_left: usize,
}

impl<'a> Run<'a> {
    pub(super) async fn new(
        agent: &'a ModelAgent,
        input: Input<'_>,
        tools: &'a RunTools<'a>,
        speech: &'a Speech<'a>,
    ) -> Result<Self, Error> {
        let model = model_of(agent, input.profile)?;
        let offer = Offer::of(agent, model, tools, input.profile).await;
        let request = CreateChatCompletionRequest {
            model: model.to_owned(),
            messages: messages::begin(&input),
            tools: offer.declared(),
            stream: Some(true),
            stream_options: Some(ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None }),
            ..CreateChatCompletionRequest::default()
        };
        let calls_left = usize::try_from(agent.settings.max_tool_calls).unwrap_or(usize::MAX);
        Ok(Self { agent, tools, speech, offer, request, answer: Answer::default(), calls_left })
    }

    /// Runs to the end.
    pub(super) async fn finish(mut self) -> Result<Answer, Error> {
        let turns = self.agent.settings.max_turns.get();
        for left in (0..turns).rev() {
            self.limit(left)?;
            let turn = self.turn().await.map_err(|failure| failure.into_error(self.offer.count()))?;
            self.answer.usage += turn.usage;
            self.keep(&turn);
            if turn.calls.is_empty() {
                return Ok(self.answer);
            }
            self.speech.end_message();
            if left > 0 {
                self.call(&turn.calls).await;
            }
        }
        let message = format!("the model was asked {turns} times, and still wants to call tools");
        Err(Error::new(ErrorKind::AgentFailed, message))
    }

    /// Says what the model may do in a turn with so many after it. One that may call no more tools has to come to an end.
    fn limit(&mut self, turns_left: u32) -> Result<(), Error> {
        if (turns_left == 0 || self.calls_left == 0) && self.request.tools.is_some() {
            self.request.tool_choice = Some(ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::None));
        }
        let Some(most) = self.agent.settings.max_output_tokens else { return Ok(()) };
        let used = u32::try_from(self.answer.usage.output_tokens).unwrap_or(u32::MAX);
        let left = most.get().saturating_sub(used);
        self.request.max_completion_tokens = Some(left);
        if left == 0 {
            let message = format!("the model wrote {used} tokens, of at most {most}, and is not done");
            return Err(Error::new(ErrorKind::AgentFailed, message));
        }
        Ok(())
    }

    async fn turn(&mut self) -> Result<Turn, ModelFailure> {
        let answer = self.ask().await?;
        Turn::read(answer, self.speech).await
    }

    /// Asks the model, again without the tools that its endpoint refuses: one of them must not cost the agent all others.
    async fn ask(&mut self) -> Result<AnswerStream, ModelFailure> {
        let mut refusals = 0;
        loop {
            let failure = match self.agent.endpoint.ask(&self.request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            refusals += 1;
            let Some(blame) = failure.blame().filter(|_| refusals <= MAX_REFUSALS) else { return Err(failure) };
            if !self.offer.yield_to(blame).await {
                return Err(failure);
            }
            self.request.tools = self.offer.declared();
            if self.request.tools.is_none() {
                // Endpoints refuse a choice of tools without tools.
                self.request.tool_choice = None;
            }
        }
    }

    /// Keeps what the model said, for the next turn and for the conversation.
    fn keep(&mut self, turn: &Turn) {
        let calls: Vec<_> = turn.calls.iter().map(Call::to_use).collect();
        self.request.messages.push(messages::assistant(&turn.text, &calls));
        self.answer.messages.push(Message::assistant(turn.text.as_str(), calls));
    }

    async fn call(&mut self, calls: &[Call]) {
        let told = make_all(calls, self.calls_left, self.tools, &self.offer).await;
        self.calls_left = self.calls_left.saturating_sub(calls.len());
        for told in told {
            self.request.messages.push(messages::tool(&told.id, &told.content));
            self.answer.messages.push(Message::tool(told.id, told.content));
        }
    }
}

/// The model of an agent: the profile's, or else the gateway's.
pub(super) fn model_of<'a>(agent: &'a ModelAgent, profile: &'a Profile) -> Result<&'a str, Error> {
    profile.model.as_deref().or(agent.settings.name.as_deref()).ok_or_else(no_model)
}

fn no_model() -> Error {
    let message = "this agent's profile names no model, and the gateway has none of its own; name one with `--model`";
    Error::new(ErrorKind::NotConfigured, message)
}
