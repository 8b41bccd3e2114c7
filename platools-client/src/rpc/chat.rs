//! `Chat`: a message to an agent, and the events and the reply that follow.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::client::RpcClient;
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
    /// It calls a tool.
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

/// An item of a chat: an event, a gap, or the reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChatItem {
    /// The agent is at work.
    Event(ChatEvent),
    /// Events are missing here: the gateway dropped them because they were not read fast enough, or they were dropped here
    /// because 256 were waiting. Those of tools called meanwhile may be among them. The text is not affected, as each
    /// [`ChatChunk`] has all of it so far.
    #[non_exhaustive]
    Missed {
        /// The number of missing events.
        count: u64,
    },
    /// The reply, which is the last.
    Reply(ChatReply),
}

/// A message to an agent that is under way: a stream of what the agent does, which ends with its reply or an error.
///
/// It need not be read: the client goes on with everything else, keeps 256 events, drops further ones and counts them
/// ([`ChatItem::Missed`]). The reply is never dropped.
///
/// Dropping it before its end aborts the run (`chat.abort`): at once in a conversation that has an id, and otherwise as soon as the gateway
/// has said which run that is. If the gateway does not answer within 10 seconds of that, the next chat begins all the same.
#[derive(Debug)]
#[must_use = "dropping a chat aborts it"]
pub struct Chat {
    events: mpsc::Receiver<NumberedEvent>,
    end: oneshot::Receiver<ChatEnd>,
    /// The item after a `Missed`.
    next: Option<Result<ChatItem, RequestError>>,
    over: bool,
    /// Keeps the connection open.
    client: RpcClient,
}

/// An event, and the number of missing events before it.
#[derive(Debug)]
struct NumberedEvent {
    missed: u64,
    event: ChatEvent,
}

/// The reply, and the number of missing events before it.
#[derive(Debug)]
struct ChatEnd {
    missed: u64,
    reply: Result<ChatReply, RequestError>,
}

impl Chat {
    pub(super) fn new(client: RpcClient, receiver: ChatReceiver) -> Self {
        Self { events: receiver.events, end: receiver.end, next: None, over: false, client }
    }

    /// The next item; `None` after the reply or an error. Cancel-safe: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<ChatItem, RequestError>> {
        StreamExt::next(self).await
    }

    /// The reply alone. Dropping the future aborts the run.
    ///
    /// # Errors
    /// The agent failed, or the connection was lost, or the reply was taken from the stream already.
    pub async fn reply(mut self) -> Result<ChatReply, RequestError> {
        while let Some(item) = self.next().await {
            if let ChatItem::Reply(reply) = item? {
                return Ok(reply);
            }
        }
        Err(RequestError::closed())
    }
}

impl Stream for Chat {
    type Item = Result<ChatItem, RequestError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(item) = self.next.take() {
            return Poll::Ready(Some(item));
        }
        if self.over {
            return Poll::Ready(None);
        }
        let (missed, item) = match ready!(self.events.poll_recv(cx)) {
            Some(NumberedEvent { missed, event }) => (missed, Ok(ChatItem::Event(event))),
            None => {
                let end = ready!(Pin::new(&mut self.end).poll(cx));
                self.over = true;
                let ChatEnd { missed, reply } =
                    end.unwrap_or_else(|_| ChatEnd { missed: 0, reply: Err(self.client.ended()) });
                (missed, reply.map(ChatItem::Reply))
            }
        };
        if missed == 0 {
            return Poll::Ready(Some(item));
        }
        self.next = Some(item);
        Poll::Ready(Some(Ok(ChatItem::Missed { count: missed })))
    }
}

/// The id of a conversation, once it is known.
pub(super) type SessionId = Arc<Mutex<Option<String>>>;

/// The receiving end of a chat.
#[derive(Debug)]
pub(super) struct ChatReceiver {
    events: mpsc::Receiver<NumberedEvent>,
    end: oneshot::Receiver<ChatEnd>,
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
