//! [`ChatSink`]: the trait of receivers of a run's events, such as the adapter that sends them to the caller. [`ChatEvent`] is one event.
//! [`Speech`] passes the parts of an answer on to a sink, and keeps the whole text.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;

use crate::domain::ids::{CallId, ConversationId};
use crate::domain::lock::lock;

/// An event of a run.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum ChatEvent<'a> {
    /// The run begins: the message has its turn in the conversation. Exactly one [`Completed`](Self::Completed) or
    /// [`Failed`](Self::Failed) follows. A request that is refused has none of them.
    #[non_exhaustive]
    Started {
        /// The conversation.
        conversation: &'a ConversationId,
    },
    /// The run has ended with an answer.
    #[non_exhaustive]
    Completed {
        /// The conversation.
        conversation: &'a ConversationId,
    },
    /// The run has ended without an answer, or was given up.
    #[non_exhaustive]
    Failed {
        /// The conversation.
        conversation: &'a ConversationId,
    },
    /// The agent added text to its answer.
    #[non_exhaustive]
    Said {
        /// The text so far.
        text: &'a str,
        /// The new part of the text.
        delta: &'a str,
    },
    /// The agent calls a tool.
    #[non_exhaustive]
    ToolCall {
        /// The call, as the journal and the worker know it.
        call: &'a CallId,
        /// The tool.
        tool: &'a str,
        /// The arguments.
        input: &'a RawValue,
    },
    /// The tool returned, or failed.
    #[non_exhaustive]
    ToolResult {
        /// The call, as in its [`ToolCall`](Self::ToolCall).
        call: &'a CallId,
        /// The tool.
        tool: &'a str,
        /// The result, or `{"error": "..."}`.
        output: &'a RawValue,
    },
}

/// Shows the kind of event only: the text belongs to the user.
impl fmt::Debug for ChatEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { conversation } => f.debug_tuple("Started").field(conversation).finish(),
            Self::Completed { conversation } => f.debug_tuple("Completed").field(conversation).finish(),
            Self::Failed { conversation } => f.debug_tuple("Failed").field(conversation).finish(),
            Self::Said { delta, .. } => f.debug_struct("Said").field("bytes", &delta.len()).finish_non_exhaustive(),
            Self::ToolCall { tool, .. } => f.debug_struct("ToolCall").field("tool", tool).finish_non_exhaustive(),
            Self::ToolResult { tool, .. } => f.debug_struct("ToolResult").field("tool", tool).finish_non_exhaustive(),
        }
    }
}

/// A receiver of the events of a run. It must not wait: the run waits for it.
pub trait ChatSink: Send + Sync {
    /// Receives an event.
    fn event(&self, event: ChatEvent<'_>);
}

/// Ignores all events.
impl ChatSink for () {
    fn event(&self, _: ChatEvent<'_>) {}
}

/// The text of an agent's answer, which goes to the sink bit by bit.
pub struct Speech<'a> {
    sink: &'a dyn ChatSink,
    said: Mutex<SpokenText>,
}

#[derive(Debug, Default)]
struct SpokenText {
    text: String,
    /// True if the next text begins another message.
    is_over: bool,
}

impl<'a> Speech<'a> {
    pub(crate) fn new(sink: &'a dyn ChatSink) -> Self {
        Self { sink, said: Mutex::default() }
    }

    /// Adds text.
    pub fn say(&self, delta: &str) {
        if delta.is_empty() {
            return;
        }
        let mut said = self.lock();
        let before = said.text.len();
        if std::mem::take(&mut said.is_over) && !said.text.is_empty() {
            said.text.push_str("\n\n");
        }
        said.text.push_str(delta);
        self.sink.event(ChatEvent::Said { text: &said.text, delta: &said.text[before..] });
    }

    /// Ends a message. A blank line separates it from the next one.
    pub fn end_message(&self) {
        self.lock().is_over = true;
    }

    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        self.said.into_inner().unwrap_or_else(PoisonError::into_inner).text
    }

    fn lock(&self) -> MutexGuard<'_, SpokenText> {
        lock(&self.said)
    }
}

impl fmt::Debug for Speech<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech").field("bytes", &self.lock().text.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(String, String)>>);

    impl ChatSink for Heard {
        fn event(&self, event: ChatEvent<'_>) {
            if let ChatEvent::Said { text, delta } = event {
                self.0.lock().unwrap().push((text.to_owned(), delta.to_owned()));
            }
        }
    }

    #[test]
    fn what_is_said_adds_up_over_several_messages() {
        let heard = Heard::default();
        let speech = Speech::new(&heard);
        for delta in ["Let me ", "", "see."] {
            speech.say(delta);
        }
        speech.end_message();
        speech.say("It is 42.");
        let text = "Let me see.\n\nIt is 42.";
        let heard_text: String = heard.0.lock().unwrap().iter().map(|(_, delta)| delta.as_str()).collect();
        assert_eq!((heard_text.as_str(), heard.0.lock().unwrap().last().unwrap().0.as_str()), (text, text));
        assert_eq!(speech.into_text(), text);
    }
}
