//! Agents: they answer what people say, with the tools that are connected.

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

/// What an agent is to answer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Input<'a> {
    /// How it is to answer.
    pub profile: &'a Profile,
    /// What whoever asks has to say to that, after the profile's own system prompt.
    pub instructions: &'a [String],
    /// What was said before, the oldest first.
    pub history: &'a [Message],
    /// What is said now.
    pub message: &'a str,
}

/// What came of a run, besides what was said to the [`Speech`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// What the conversation goes on with, after the message that was answered.
    pub messages: Vec<Message>,
    /// What it cost.
    pub usage: Usage,
}

/// Somebody who answers. One agent answers many at the same time.
///
/// A run that nobody waits for any more is dropped, and its calls of tools are cancelled with it.
pub trait Agent: fmt::Debug + Send + Sync {
    /// Checks that it can answer as a profile says, before a conversation begins. Without a check of its own it always can.
    ///
    /// # Errors
    /// The profile, or the agent itself, lacks a setting.
    fn check(&self, profile: &Profile) -> Result<(), Error> {
        let _ = profile;
        Ok(())
    }

    /// Answers one message: says it to `speech` bit by bit, and returns how the conversation goes on.
    ///
    /// # Errors
    /// The agent cannot answer. A tool that fails is no such error; the agent is told and goes on.
    fn run<'a>(
        &'a self,
        input: Input<'a>,
        tools: &'a RunTools<'a>,
        speech: &'a Speech<'a>,
    ) -> BoxFuture<'a, Result<Answer, Error>>;
}
