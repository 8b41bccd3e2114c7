//! [`ChatSender`] and [`ChatReceiver`]: carry the events and the reply of one chat from the connection's task to the application's
//! [`Chat`](super::Chat).

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::error::RequestError;
use platools_protocol::rpc::{AgentEvent, ChatChunk, ChatReply, Event, ToolCallEvent, ToolResultEvent, event};

/// The number of events that wait for the reader of a chat; further ones are dropped and counted.
const WAITING_EVENTS: usize = 256;

/// An event of an agent that works on a reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChatEvent {
    /// Its run has started or ended.
    Agent(AgentEvent),
    /// The text of the reply has grown.
    Chat(ChatChunk),
    /// The agent calls a tool.
    ToolCall(ToolCallEvent<Value>),
    /// A tool has answered.
    ToolResult(ToolResultEvent<Value>),
}

impl ChatEvent {
    /// True if it belongs to a run, as far as the gateway says. Events of `tools.call` name their call and no run.
    pub(super) fn is_of(&self, run_id: Option<&str>) -> bool {
        let (named, is_call) = match self {
            Self::Agent(event) => (Some(event.run_id.as_str()), false),
            Self::Chat(event) => (event.run_id.as_deref(), false),
            Self::ToolCall(event) => (event.run_id.as_deref(), event.call_id.is_some()),
            Self::ToolResult(event) => (event.run_id.as_deref(), event.call_id.is_some()),
        };
        match (named, run_id) {
            (None, _) => !is_call,
            (Some(named), Some(run_id)) => named == run_id,
            (Some(_), None) => true,
        }
    }

    /// Reads an event; `None` for those that are about something else.
    pub(super) fn read(event: &Event<'_>) -> Result<Option<Self>, serde_json::Error> {
        let payload = event.payload.get();
        Ok(Some(match &*event.event {
            event::AGENT => Self::Agent(serde_json::from_str(payload)?),
            event::CHAT => Self::Chat(serde_json::from_str(payload)?),
            event::TOOL_CALL => Self::ToolCall(serde_json::from_str(payload)?),
            event::TOOL_RESULT => Self::ToolResult(serde_json::from_str(payload)?),
            _ => return Ok(None),
        }))
    }
}

/// An event, and the number of missing events before it.
#[derive(Debug)]
pub(super) struct NumberedEvent {
    pub(super) missed: u64,
    pub(super) event: ChatEvent,
}

/// The reply, and the number of missing events before it.
#[derive(Debug)]
pub(super) struct ChatEnd {
    pub(super) missed: u64,
    pub(super) reply: Result<ChatReply, RequestError>,
}

/// The id of a conversation, once it is known.
pub(super) type SessionId = Arc<Mutex<Option<String>>>;

/// The receiving end of a chat.
#[derive(Debug)]
pub(super) struct ChatReceiver {
    pub(super) events: mpsc::Receiver<NumberedEvent>,
    pub(super) end: oneshot::Receiver<ChatEnd>,
}

/// The sending end of a chat. It never waits for the reader.
#[derive(Debug)]
pub(super) struct ChatSender {
    events: mpsc::Sender<NumberedEvent>,
    end: oneshot::Sender<ChatEnd>,
    missed: u64,
    session_id: Option<SessionId>,
    /// The next chat begins when this one has ended.
    _turn: OwnedSemaphorePermit,
}

impl ChatSender {
    pub(super) fn new(turn: OwnedSemaphorePermit, session_id: Option<SessionId>) -> (Self, ChatReceiver) {
        let (events, heard) = mpsc::channel(WAITING_EVENTS);
        let (end, ended) = oneshot::channel();
        (Self { events, end, missed: 0, session_id, _turn: turn }, ChatReceiver { events: heard, end: ended })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.end.is_closed()
    }

    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.end.poll_closed(cx)
    }

    /// Notes missing events before the next one.
    pub(super) fn missed(&mut self, count: u64) {
        self.missed += count;
    }

    pub(super) fn send(&mut self, event: ChatEvent) {
        match self.events.try_send(NumberedEvent { missed: self.missed, event }) {
            Ok(()) => self.missed = 0,
            Err(_) => self.missed += 1,
        }
    }

    /// The conversation as far as it is known.
    pub(super) fn session_id(&self) -> Option<String> {
        self.session_id.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of the conversation, if the gateway names one.
    pub(super) fn set_session_id(&self, session_id: Option<&str>) {
        if let (Some(known), Some(session_id)) = (&self.session_id, session_id.filter(|id| !id.is_empty())) {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(session_id.to_owned());
        }
    }

    pub(super) fn end(self, reply: Result<ChatReply, RequestError>) {
        self.set_session_id(match &reply {
            Ok(reply) => Some(&reply.session_id),
            Err(error) => error.session_id(),
        });
        // The reader may have gone.
        let _ = self.end.send(ChatEnd { missed: self.missed, reply });
    }
}
