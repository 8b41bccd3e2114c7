//! [`AnswerMessage`]: an answer or report of a worker for the member where the call began. [`Origins`] receives them there.

use std::sync::Arc;

use platools_bus::InboxBounds;
use serde::{Deserialize, Serialize};

use super::messenger::{MemberMessage, Messenger, Topic};
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, LinkId};
use crate::links::Links;
use crate::pending_calls::{PendingCalls, Report, WorkerAnswer};

/// Answers, reports and returned calls, for the member where the call began.
pub(super) const ANSWERS: Topic = Topic::new("answers");

/// Answers and reports that wait to be read.
const WAITING: InboxBounds = InboxBounds { messages: 16 * 1024, bytes: 256 * 1024 * 1024 };

/// A message of [`ANSWERS`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AnswerMessage {
    /// The answer of a worker. It is a request, which a [`Receipt`](crate::pending_calls::Receipt) answers.
    Answer { scope: Scope, call_id: CallId, answer: WorkerAnswer },
    /// A report of a worker, which shows that it has the call over a link.
    Report { scope: Scope, call_id: CallId, link: LinkId, report: Report },
    /// A link did not send a call: it certainly did not run.
    Returned { call_id: CallId, link: LinkId },
}

/// Receives the answers and reports of calls that began here.
#[derive(Debug)]
pub(super) struct Origins {
    messenger: Messenger,
    pending: PendingCalls,
    links: Arc<Links>,
}

impl Origins {
    pub(super) fn new(messenger: Messenger, pending: PendingCalls, links: Arc<Links>) -> Self {
        Self { messenger, pending, links }
    }

    /// Receives messages. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut messages = self.messenger.messages_to_this(ANSWERS, WAITING);
        while let Some(received) = messages.next::<AnswerMessage>().await {
            let MemberMessage::Message(message, response) = received else { continue };
            match message {
                AnswerMessage::Answer { scope, call_id, answer } => {
                    let receipt = self.pending.answer(&scope, &call_id, answer);
                    if let Some(response) = response {
                        response.send(&receipt);
                    }
                }
                AnswerMessage::Report { scope, call_id, link, report } => {
                    // A link that is not known here could not be seen to end.
                    if self.links.is_live(&scope, &link) {
                        self.pending.seen(&scope, &call_id, &link);
                    }
                    self.pending.report(&scope, &call_id, report);
                }
                AnswerMessage::Returned { call_id, link } => self.pending.return_unsent(&call_id, &link),
            }
        }
    }
}
