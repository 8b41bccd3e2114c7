//! [`Agent`]: the trait of programs that answer messages of people and call tools for it. `chat` has the conversations with them.

pub mod chat;
mod command;
mod sink;
mod toolset;

use std::fmt;

use futures::future::BoxFuture;

use crate::domain::error::Error;
use crate::domain::profile::Profile;

pub use crate::domain::message::{Message, ToolUse, Usage};
pub use sink::{ChatEvent, ChatSink, Speech};
pub use toolset::RunTools;

pub(crate) use command::CommandAgent;
pub(crate) use toolset::failure;

/// A message for an agent, with its context.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Input<'a> {
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
pub struct Answer {
    /// Messages to add to the conversation after the answered message.
    pub messages: Vec<Message>,
    /// The cost of the run.
    pub usage: Usage,
}

/// An implementation of agents. It runs for many callers at the same time.
///
/// A run whose caller is gone is dropped, and its calls of tools are cancelled.
pub trait Agent: fmt::Debug + Send + Sync {
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
        input: Input<'a>,
        tools: &'a RunTools<'a>,
        speech: &'a Speech<'a>,
    ) -> BoxFuture<'a, Result<Answer, Error>>;
}
