//! [`ModelRun`]: one run of a model agent. It sends the messages to the model and makes the requested calls, turn by turn, until the model
//! requests none.

use super::answer_stream::AnswerStream;
use super::endpoint::Endpoint;
use super::failure::ModelFailure;
use super::messages;
use super::request::CompletionRequest;
use super::tool_calls::{ModelCall, make_all};
use super::tool_offer::ToolOffer;
use super::turn::Turn;
use crate::agents::{Message, RunInput, RunOutput, Speech};
use crate::domain::error::{Error, ErrorKind};
use crate::settings::ModelSettings;

/// Refusals of tools in one run, after which the run fails. The next run begins without the refused tools.
const MAX_REFUSALS: usize = 32;

/// A run of a model agent.
pub(super) struct ModelRun<'a> {
    endpoint: &'a Endpoint,
    settings: &'a ModelSettings,
    offer: ToolOffer<'a>,
    speech: &'a Speech<'a>,
    /// The next request to the model.
    request: CompletionRequest,
    output: RunOutput,
    /// Calls that the run may still make.
    calls_left: usize,
}

impl<'a> ModelRun<'a> {
    pub(super) fn new(
        endpoint: &'a Endpoint,
        settings: &'a ModelSettings,
        offer: ToolOffer<'a>,
        input: &RunInput<'_>,
        speech: &'a Speech<'a>,
    ) -> Self {
        let request = CompletionRequest::new(offer.model(), messages::begin(input), offer.declared());
        let calls_left = usize::try_from(settings.max_tool_calls).unwrap_or(usize::MAX);
        Self { endpoint, settings, offer, speech, request, output: RunOutput::default(), calls_left }
    }

    /// Runs to the end.
    pub(super) async fn finish(mut self) -> Result<RunOutput, Error> {
        let turns = self.settings.max_turns.get();
        for left in (0..turns).rev() {
            self.limit(left)?;
            let turn = self.turn().await.map_err(|failure| failure.into_error(self.offer.count()))?;
            self.output.usage += turn.usage;
            self.keep(&turn);
            if turn.calls.is_empty() {
                return Ok(self.output);
            }
            self.speech.end_message();
            if left > 0 {
                self.call(&turn.calls).await;
            }
        }
        let message = format!(
            "the model was asked {turns} times, and still wants to call tools; raise `model.max_turns` if that is right"
        );
        Err(Error::new(ErrorKind::AgentFailed, message))
    }

    /// Limits the next request: no tools in the last turn or without calls left, and the rest of the output tokens.
    fn limit(&mut self, turns_left: u32) -> Result<(), Error> {
        if turns_left == 0 || self.calls_left == 0 {
            self.request.forbid_calls();
        }
        let Some(most) = self.settings.max_output_tokens else { return Ok(()) };
        let used = u32::try_from(self.output.usage.output_tokens).unwrap_or(u32::MAX);
        let left = most.get().saturating_sub(used);
        self.request.max_completion_tokens = Some(left);
        if left == 0 {
            let message = format!(
                "the model wrote {used} tokens, of at most {most}, and has not finished; raise `model.max_output_tokens`"
            );
            return Err(Error::new(ErrorKind::AgentFailed, message));
        }
        Ok(())
    }

    async fn turn(&mut self) -> Result<Turn, ModelFailure> {
        let answer = self.ask().await?;
        Turn::read(answer, self.speech).await
    }

    /// Asks the model, and again without the tools that its endpoint refuses: one bad tool must not cost the agent all others.
    async fn ask(&mut self) -> Result<AnswerStream, ModelFailure> {
        let mut refusals = 0;
        loop {
            let failure = match self.endpoint.ask(&self.request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            refusals += 1;
            let Some(part) = failure.refused_part().filter(|_| refusals <= MAX_REFUSALS) else { return Err(failure) };
            if !self.offer.simplify(part).await {
                return Err(failure);
            }
            self.request.set_tools(self.offer.declared());
        }
    }

    /// Keeps the model's message for the next turn and for the conversation.
    fn keep(&mut self, turn: &Turn) {
        let calls: Vec<_> = turn.calls.iter().map(ModelCall::to_use).collect();
        self.request.messages.push(messages::assistant(&turn.text, &calls));
        self.output.messages.push(Message::assistant(turn.text.as_str(), calls));
    }

    async fn call(&mut self, calls: &[ModelCall]) {
        let replies = make_all(calls, self.calls_left, &self.offer).await;
        self.calls_left = self.calls_left.saturating_sub(calls.len());
        for reply in replies {
            self.request.messages.push(messages::tool(&reply.id, &reply.content));
            self.output.messages.push(Message::tool(reply.id, reply.content));
        }
    }
}
