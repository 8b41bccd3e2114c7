//! [`Chat`]: receives the events of an agent's run on one message, as a stream that ends with the agent's reply. `conversation.rs` sends
//! the message.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::chat_channel::{ChatEnd, ChatEvent, ChatReceiver, ChatSender, NumberedEvent, SessionId};
use super::client::RpcClient;
use super::error::RequestError;
use super::pending_requests::{Answer, Outgoing};
use platools_protocol::rpc::{ChatReply, ChatSend, method};

/// An item of a chat: an event, a gap, or the reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChatItem {
    /// The agent is at work.
    Event(ChatEvent),
    /// Events are missing here: the gateway dropped them because they were not read fast enough, or they were dropped here
    /// because 256 were waiting. Those of tools called meanwhile may be among them. The text is not affected, as each
    /// [`ChatChunk`](platools_protocol::rpc::ChatChunk) has all of it so far.
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

impl RpcClient {
    /// Sends a message to an agent in a new conversation. Waits for its turn, and returns when the message is on its way; the reply is at
    /// the end of the stream. There is no time limit but the gateway's.
    ///
    /// Dropping the future means that nothing is sent.
    ///
    /// # Errors
    /// The message is larger than a gateway reads, or the client is disconnected. Everything else is in the stream.
    pub async fn chat(&self, agent: impl Into<String>, message: impl Into<String>) -> Result<Chat, RequestError> {
        self.begin_chat(agent.into(), message.into(), None).await
    }

    pub(super) async fn begin_chat(
        &self,
        agent: String,
        message: String,
        session_id: Option<&SessionId>,
    ) -> Result<Chat, RequestError> {
        let turn = Arc::clone(&self.0.turn).acquire_owned().await.map_err(|_| self.ended())?;
        let mut params = ChatSend::new(agent, message);
        // Read after the turn: the chat before may have told the id.
        params.session_id = session_id.and_then(|known| known.lock().unwrap_or_else(|lock| lock.into_inner()).clone());
        let (id, frame) = self.frame(method::CHAT_SEND, &params)?;
        let (sender, receiver) = ChatSender::new(turn, session_id.cloned());
        self.send(Outgoing { id, frame, answer: Answer::Chat(sender) }).await?;
        Ok(Chat::new(self.clone(), receiver))
    }
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
