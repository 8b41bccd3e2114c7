//! [`AgentRunner`]: the trait of code that answers messages for an agent and may call tools. `CommandAgent` runs commands,
//! `model::ModelAgent` asks a language model. `chat` stores the conversations and runs the agents.

pub mod chat;
mod chat_sink;
mod command_agent;
mod run_tools;

use std::fmt;

use futures::future::BoxFuture;

use crate::domain::agent_profile::Profile;
use crate::domain::error::Error;

pub use crate::domain::message::{Message, ToolUse, Usage};
pub use chat_sink::{ChatEvent, ChatSink, Speech};
pub use run_tools::RunTools;

pub(crate) use command_agent::CommandAgent;
pub(crate) use run_tools::failure;

/// An implementation of agents: commands, or a language model. It runs for many callers at the same time.
///
/// A run whose caller is gone is dropped, and its calls of tools are cancelled.
pub trait AgentRunner: fmt::Debug + Send + Sync {
    /// Checks that the agent can answer with a profile, before a conversation begins. The default accepts every profile.
    ///
    /// # Errors
    /// The profile, or the agent itself, lacks a setting.
    fn check(&self, profile: &Profile) -> Result<(), Error> {
        let _ = profile;
        Ok(())
    }

    /// Answers one message: gives the text to `speech` bit by bit, and returns the messages to add to the conversation.
    ///
    /// # Errors
    /// The agent cannot answer. A tool that fails is no error of the run: the agent gets the failure and goes on.
    fn run<'a>(
        &'a self,
        input: RunInput<'a>,
        tools: &'a RunTools<'a>,
        speech: &'a Speech<'a>,
    ) -> BoxFuture<'a, Result<RunOutput, Error>>;
}

/// A message for an agent, with its context.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RunInput<'a> {
    /// The settings of the agent.
    pub profile: &'a Profile,
    /// Instructions of the caller, which follow the profile's own system prompt.
    pub instructions: &'a [String],
    /// Earlier messages, the oldest first.
    pub history: &'a [Message],
    /// The message to answer.
    pub message: &'a str,
}

/// The result of a run, besides the text that the agent gave to its [`Speech`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOutput {
    /// Messages to add to the conversation after the answered message.
    pub messages: Vec<Message>,
    /// The cost of the run.
    pub usage: Usage,
}
