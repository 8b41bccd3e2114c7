//! [`AnswerForwarder`]: sends the answers and reports of workers to the members where their calls began. The answer of a call under an
//! idempotency key is kept here if that member is gone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::answers::{ANSWERS, AnswerMessage};
use super::hosted_calls::HostedCalls;
use super::members::Members;
use super::messenger::{Messenger, encode};
use crate::calls::{Calls, KeyedCallGrant};
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, LinkId};
use crate::limits::gauge::Gauge;
use crate::pending_calls::{Receipt, Report, WorkerAnswer};

/// The most bytes of answers that wait for their origins. Workers keep further ones, and send them again when they reconnect.
const HELD_BYTES: usize = 128 * 1024 * 1024;

/// The wait for a member to say that it has an answer.
const RECEIPT_LIMIT: Duration = Duration::from_secs(5);

/// The wait before an answer is sent again.
const NEXT_TRY: Duration = Duration::from_millis(500);

/// Sends answers to other members.
pub(crate) struct AnswerForwarder {
    messenger: Messenger,
    members: Members,
    hosted: HostedCalls,
    kept: KeptAnswers,
    held: Gauge,
    tasks: TaskTracker,
}

/// The service that keeps the answers of calls whose members are gone.
pub(super) struct KeptAnswers {
    pub(super) calls: Arc<Calls>,
    /// The longest time of a call: past it nobody waits for the answer.
    pub(super) max_timeout: Duration,
}

impl AnswerForwarder {
    pub(super) fn new(messenger: Messenger, members: Members, hosted: HostedCalls, kept: KeptAnswers) -> Self {
        Self { messenger, members, hosted, kept, held: Gauge::default(), tasks: TaskTracker::new() }
    }

    /// Sends an answer to the member where its call began, until that has it or nobody can wait for it any more. Then `confirm` is called,
    /// so that the worker forgets the answer.
    pub(super) fn answer(
        &self,
        scope: &Scope,
        call_id: &CallId,
        answer: WorkerAnswer,
        confirm: impl FnOnce() + Send + 'static,
    ) {
        let grant = self.hosted.finish(scope, call_id);
        let message = encode(&AnswerMessage::Answer { scope: scope.clone(), call_id: call_id.clone(), answer });
        let Some(held) = self.held.hold_unless_past(message.len(), HELD_BYTES) else {
            tracing::warn!(call.id = %call_id, "answer left with its worker: too many wait for other gateways");
            return;
        };
        let (messenger, members, call_id) = (self.messenger.clone(), self.members.clone(), call_id.clone());
        let (calls, give_up) = (Arc::clone(&self.kept.calls), Instant::now() + self.kept.max_timeout);
        self.tasks.spawn(async move {
            let (origin, _held) = (call_id.gateway(), held);
            loop {
                match messenger.request_encoded::<Receipt>(origin, ANSWERS, message.clone(), RECEIPT_LIMIT).await {
                    // The member may have started again since the call began there.
                    Ok(receipt) => {
                        note_receipt(&call_id, receipt);
                        if receipt == Receipt::NotPending {
                            keep(&calls, grant, &message).await;
                        }
                        return confirm();
                    }
                    Err(error) => tracing::debug!(call.id = %call_id, %error, "answer not received by its gateway"),
                }
                if grant.is_some() && !members.is_alive(origin) {
                    keep(&calls, grant, &message).await;
                    return confirm();
                }
                if Instant::now() >= give_up {
                    let is_alive = members.is_alive(origin);
                    tracing::warn!(call.id = %call_id, is_alive, "answer given up: its gateway did not take it");
                    return confirm();
                }
                sleep(NEXT_TRY).await;
            }
        });
    }

    /// Sends a report to the member where its call began. A report that is lost is not sent again.
    pub(super) fn report(&self, scope: &Scope, call_id: &CallId, link: &LinkId, report: Report) {
        let message =
            AnswerMessage::Report { scope: scope.clone(), call_id: call_id.clone(), link: link.clone(), report };
        if let Err(error) = self.messenger.send(call_id.gateway(), ANSWERS, &message) {
            tracing::debug!(call.id = %call_id, %error, "report lost");
        }
    }

    /// Waits until no call of another member is at a link, and no answer is on its way.
    pub(super) async fn idle(&self) {
        self.hosted.idle().await;
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

impl fmt::Debug for AnswerForwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerForwarder").field("answers", &self.tasks.len()).finish_non_exhaustive()
    }
}

/// Keeps the answer of a call under an idempotency key, for the next call with the key.
async fn keep(calls: &Calls, grant: Option<KeyedCallGrant>, message: &[u8]) {
    let Some(grant) = grant else { return };
    if let Ok(AnswerMessage::Answer { answer, .. }) = serde_json::from_slice(message) {
        calls.keep_answer(grant, answer).await;
    }
}

fn note_receipt(call_id: &CallId, receipt: Receipt) {
    match receipt {
        Receipt::Accepted => {}
        Receipt::NotPending => tracing::debug!(call.id = %call_id, "an answer nobody waits for was ignored"),
        Receipt::Foreign => tracing::warn!(call.id = %call_id, "an answer to another worker's call was ignored"),
    }
}
