//! [`PendingRequests`]: keeps the requests of one socket that have no answer yet, among them at most one chat. It gives each answer to the
//! sender of its request, and counts missing events. Plain state without I/O; `protocol.rs` has the socket.

use std::collections::HashMap;
use std::task::{Context, Poll};

use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{debug, warn};

use super::abandoned_chat::Abandonment;
use super::chat_channel::{ChatEvent, ChatSender};
use super::error::{RequestError, RequestErrorKind};
use super::event::{GatewayEvent, RpcEvent};
use platools_protocol::rpc::{ChatAbort, ChatReply, Event, GatewayFrame, Response};
use platools_transport::{Disconnect, Reporter};

/// The number of unanswered requests from which on abandoned ones are removed now and then.
const MANY: usize = 64;

/// A request on its way to the socket.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) id: u64,
    pub(super) frame: Utf8Bytes,
    pub(super) answer: Answer,
}

/// The receiver of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    Once(oneshot::Sender<Result<Box<RawValue>, RequestError>>),
    Chat(ChatSender),
}

impl Answer {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Once(answer) => !answer.is_closed(),
            Self::Chat(sender) => sender.is_open(),
        }
    }
}

/// The requests of one socket that have no answer yet.
#[derive(Debug)]
pub(super) struct PendingRequests {
    unanswered: HashMap<u64, oneshot::Sender<Result<Box<RawValue>, RequestError>>>,
    /// The number of unanswered requests at which the abandoned ones are looked for.
    many: usize,
    chat: Option<ActiveChat>,
    /// The number of the latest event.
    seq: u64,
}

impl Default for PendingRequests {
    fn default() -> Self {
        Self { unanswered: HashMap::new(), many: MANY, chat: None, seq: 0 }
    }
}

/// The one chat that runs.
#[derive(Debug)]
struct ActiveChat {
    id: u64,
    sender: ChatSender,
    /// Known from the first event `agent` on.
    run_id: Option<String>,
    abandonment: Option<Abandonment>,
}

impl PendingRequests {
    /// Takes note of a request, and returns its frame; `None` if the application dropped it.
    pub(super) fn begin(&mut self, request: Outgoing) -> Option<Utf8Bytes> {
        if !request.answer.is_wanted() {
            return None;
        }
        match request.answer {
            Answer::Once(answer) => {
                if self.unanswered.len() >= self.many {
                    self.unanswered.retain(|_, answer| !answer.is_closed());
                    self.many = MANY.max(self.unanswered.len() * 2);
                }
                self.unanswered.insert(request.id, answer);
            }
            // The one before has ended, or it would still have its turn.
            Answer::Chat(sender) => {
                self.chat = Some(ActiveChat { id: request.id, sender, run_id: None, abandonment: None });
            }
        }
        Some(request.frame)
    }

    #[cfg(test)]
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Handles a frame of the gateway.
    pub(super) fn received(&mut self, text: &str, reporter: &Reporter<RpcEvent>) {
        match GatewayFrame::parse(text) {
            Ok(GatewayFrame::Event(event)) => self.event(&event, reporter),
            Ok(GatewayFrame::Response(Response { id, outcome, .. })) => {
                if let (true, Err(error)) = (id.is_empty(), &outcome) {
                    warn!(%error, "frame of this client not understood by the gateway");
                }
                self.answered(&id, outcome.map_err(RequestError::from));
            }
            // A kind of frame that a later version of the protocol has.
            Ok(_) => {}
            Err(error) => {
                warn!(%error, "frame of the gateway ignored");
                let failure =
                    RequestError::new(RequestErrorKind::InvalidReply, "the gateway's response cannot be read");
                self.answered(error.id(), Err(failure.with_source(error.to_string())));
            }
        }
    }

    fn answered(&mut self, id: &str, outcome: Result<&RawValue, RequestError>) {
        let Ok(id) = id.parse::<u64>() else { return };
        if let Some(answer) = self.unanswered.remove(&id) {
            // The application may have dropped the request meanwhile.
            let _ = answer.send(outcome.map(ToOwned::to_owned));
        } else if let Some(chat) = self.chat.take_if(|chat| chat.id == id) {
            let reply = outcome.and_then(|payload| {
                serde_json::from_str::<ChatReply>(payload.get()).map_err(RequestError::invalid_reply)
            });
            chat.sender.end(reply);
        } else {
            debug!("response without a request ignored");
        }
    }

    fn event(&mut self, event: &Event<'_>, reporter: &Reporter<RpcEvent>) {
        let missed = event.seq.saturating_sub(self.seq.saturating_add(1));
        self.seq = self.seq.max(event.seq);
        if missed > 0 {
            warn!(events.missed = missed, "events dropped by the gateway: this client reads too slowly");
            reporter.event(RpcEvent::Missed { count: missed });
        }
        if let Some(chat) = &mut self.chat {
            chat.sender.missed(missed);
            match ChatEvent::read(event) {
                Ok(Some(event)) => chat.event(event),
                Ok(None) => {}
                Err(error) => {
                    warn!(event.name = %event.event, error.column = error.column(), "event dropped: its data does not fit its type");
                    chat.sender.missed(1);
                }
            }
        }
        reporter.event_with(|| RpcEvent::Gateway(GatewayEvent::new(event)));
    }

    /// Ready when the application has dropped the chat that runs; never where that is known already or no chat runs.
    pub(super) fn poll_abandoned(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.chat {
            Some(chat) if chat.abandonment.is_none() => chat.sender.poll_closed(cx),
            _ => Poll::Pending,
        }
    }

    /// Takes note that the application has dropped the chat.
    pub(super) fn abandon(&mut self, now: Instant) {
        if let Some(chat) = &mut self.chat {
            chat.abandonment = Some(Abandonment::begin(now));
        }
    }

    /// Returns the request to abort the run of an abandoned chat, once.
    pub(super) fn run_to_abort(&mut self) -> Option<ChatAbort> {
        let chat = self.chat.as_mut()?;
        chat.abandonment.as_mut()?.abort(chat.run_id.as_deref(), || chat.sender.session_id())
    }

    /// Returns the end of the wait for an abandoned chat.
    pub(super) fn next_overdue(&self) -> Option<Instant> {
        Some(self.chat.as_ref()?.abandonment.as_ref()?.until())
    }

    /// Lets the next chat begin if an abandoned one has not ended in time.
    pub(super) fn give_up_overdue(&mut self, now: Instant) {
        if self.next_overdue().is_some_and(|until| now >= until) {
            warn!("aborted chat not ended by the gateway in time; the next chat begins");
            self.chat = None;
        }
    }

    /// Fails the requests without an answer, at the end of the socket.
    pub(super) fn fail(&mut self, reason: &Disconnect) {
        let error = || match reason {
            Disconnect::Stopped => RequestError::closed(),
            reason => RequestError::new(
                RequestErrorKind::Disconnected,
                format!("the connection was lost before the response came: {reason}"),
            ),
        };
        for (_, answer) in self.unanswered.drain() {
            let _ = answer.send(Err(error()));
        }
        if let Some(chat) = self.chat.take() {
            chat.sender.end(Err(error()));
        }
    }
}

impl ActiveChat {
    fn event(&mut self, event: ChatEvent) {
        if !event.is_of(self.run_id.as_deref()) {
            return;
        }
        if let ChatEvent::Agent(agent) = &event {
            // Known before the end, which a connection may not live to see.
            self.sender.set_session_id(agent.session_id.as_deref());
            self.run_id.get_or_insert_with(|| agent.run_id.clone());
        }
        self.sender.send(event);
    }
}
