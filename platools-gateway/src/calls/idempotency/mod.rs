//! [`Calls::call_with_key`]: makes a call under an idempotency key. A repeated call gets the answer of the first one, and does not run
//! again, also where several gateways get it.
//!
//! `OwnedKey` finds stored answers and has the seal that encrypts them, and `RunningKeyedCalls` is the table of the calls under way.
//! `remote_answers` waits for the answer of a call that another gateway makes. With a `KeyedCallGrant` the gateway that has the worker keeps the
//! answer if the one where the call began is gone.

mod answer;
mod grant;
mod key;
mod remote_answers;
mod running_calls;
mod seal;
mod start;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::request::{CallPermit, CallReply, CallRequest};
use super::service::Calls;
use crate::authority::{Action, Resource, authorize, may_use};
use crate::domain::error::Error;
use crate::domain::idempotency::KeyedCall;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;

pub use crate::settings::IdempotencySettings;
pub(crate) use grant::KeyedCallGrant;
pub(crate) use running_calls::RunningKeyedCalls;
pub(crate) use start::KeyedCallStart;

use answer::{KeyedAnswer, key_reused, unknown_end};
use key::OwnedKey;
use running_calls::{RunningGuard, RunningKeyedCall};
use seal::AnswerSeal;

/// The time that a call under an idempotency key is remembered: 24 hours.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait before the next try to keep an answer.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// The end of a call, as the database stores it.
enum AnswerNote {
    /// Its sealed answer; none if that is too large.
    Answered(Option<String>),
    /// It certainly did not run.
    NeverRan,
}

impl Calls {
    /// Calls a tool under an idempotency key. The same call under the same key gets the same answer for [`KEPT`], also while it is
    /// still under way, at this gateway or another one, and after a restart; the call goes on when its caller goes away.
    ///
    /// Only calls that ran, or may have, are remembered: one that was refused, or whose worker was not connected, is made again. The
    /// key belongs to the user and agent that the caller speaks for; without either, to the project.
    ///
    /// # Errors
    /// Like [`Calls::call`]; or the key is malformed, was used for another call or by a caller with other roles, or the answer is not
    /// kept any more.
    pub async fn call_with_key(
        self: &Arc<Self>,
        caller: &Caller,
        key: &str,
        request: CallRequest,
    ) -> Result<CallReply, Error> {
        let owned_key = OwnedKey::new(caller, key)?;
        let permit = self.permit(caller)?;
        if !self.may_call(caller, &request).await {
            // It is refused, and the refusal is recorded; nothing is looked up for it, and nothing stored.
            return self.call_permitted(caller, permit, request).await;
        }
        let fingerprint = owned_key.fingerprint(caller, &request);
        let running = self.run_once(caller, permit, owned_key, fingerprint.clone(), request);
        if running.fingerprint != fingerprint {
            return Err(key_reused());
        }
        let mut answer = running.answer;
        let answer = answer.wait_for(Option::is_some).await.map_err(|_| unknown_end())?.clone();
        answer.ok_or_else(unknown_end)?.reply()
    }

    /// True if a caller may have the answer of a tool: it may call the tool, if that still exists.
    async fn may_call(&self, caller: &Caller, CallRequest { tool, .. }: &CallRequest) -> bool {
        if authorize(caller, Action::Call, Resource::Project(&caller.project_id)).is_err() {
            return false;
        }
        if let Ok(found) = self.services.tools.find(caller, tool).await {
            return may_use(caller, Action::Call, &found.identity, &found.tool.declaration);
        }
        // A tool that is hidden from the caller exists nevertheless.
        match self.services.directory.environment_of(caller, tool.environment.as_deref()) {
            Ok(environment) => {
                self.services.catalog.find(&environment.id, &tool.name, tool.entity.as_deref(), |_| true).await.is_err()
            }
            Err(_) => true,
        }
    }

    /// The call under way with that key, or else this one, which runs in a task of its own.
    fn run_once(
        self: &Arc<Self>,
        caller: &Caller,
        permit: CallPermit,
        key: OwnedKey,
        fingerprint: String,
        request: CallRequest,
    ) -> RunningKeyedCall {
        let mut running = lock(&self.idempotency.running);
        if let Some(running) = running.get(key.id()) {
            return running.clone();
        }
        let (sender, answer) = watch::channel(None);
        let this = RunningKeyedCall { key: key.clone(), fingerprint: fingerprint.clone(), answer };
        running.insert(key.id().to_owned(), this.clone());
        let guard = RunningGuard { table: Arc::clone(&self.idempotency), id: key.id().to_owned() };
        let (calls, caller) = (Arc::clone(self), caller.clone());
        self.idempotency.tasks.spawn(async move {
            // Held until the answer is kept.
            let (_permit, _guard) = (permit, guard);
            let (answer, unkept) = calls.answer_once(&caller, &key, &fingerprint, request, &sender).await;
            // A repeated call is answered from memory meanwhile.
            sender.send_replace(Some(Arc::new(answer)));
            if let Some((call, note)) = unkept {
                calls.keep_trying_to_note(&call, &note).await;
            }
        });
        this
    }

    /// The answer of an earlier call with that key, or else of this one; and what the database could not be told of it.
    async fn answer_once(
        &self,
        caller: &Caller,
        key: &OwnedKey,
        fingerprint: &str,
        request: CallRequest,
        told: &watch::Sender<Option<Arc<KeyedAnswer>>>,
    ) -> (KeyedAnswer, Option<(KeyedCall, AnswerNote)>) {
        loop {
            match self.services.idempotency_store.earlier_call(key.id()).await {
                Ok(None) => {}
                Ok(Some(earlier)) => match self.end_of_earlier(key, fingerprint, earlier).await {
                    Some(answer) => return (answer, None),
                    // The earlier call did not run. Its end gave the key back.
                    None => continue,
                },
                Err(error) => return (Err(error).into(), None),
            }
            let call = KeyedCall {
                id: key.id().to_owned(),
                project: key.project().clone(),
                fingerprint: fingerprint.to_owned(),
                call_id: self.new_id(),
            };
            if let Some((answer, unkept)) = self.run_first(caller, key, &call, request.clone(), told).await {
                return (answer, unkept.map(|note| (call, note)));
            }
        }
    }

    /// Runs a call under a key that no other call has; `None` if another gateway is faster. The second value is what the database could not
    /// be told.
    async fn run_first(
        &self,
        caller: &Caller,
        key: &OwnedKey,
        call: &KeyedCall,
        request: CallRequest,
        told: &watch::Sender<Option<Arc<KeyedAnswer>>>,
    ) -> Option<(KeyedAnswer, Option<AnswerNote>)> {
        let max_keys = self.idempotency.settings.max_keys;
        let start = KeyedCallStart::new(&*self.services.idempotency_store, (key, call), max_keys, told);
        let ended = self.call_shortened(caller, request, call.call_id.clone(), Some(&start)).await;
        if start.is_taken() {
            return None;
        }
        let is_retryable = ended.as_ref().is_err_and(|error| error.kind().is_retryable());
        let answer = KeyedAnswer::from(ended);
        if !start.has_begun() {
            return Some((answer, None));
        }
        let note = if is_retryable { AnswerNote::NeverRan } else { self.sealed(&key.seal(), call, &answer) };
        let unkept = match self.note(call, &note).await {
            Ok(()) => None,
            Err(error) => {
                tracing::error!(%error, "answer to a call with an idempotency key not stored; trying again");
                Some(note)
            }
        };
        Some((answer, unkept))
    }

    fn sealed(&self, seal: &AnswerSeal, call: &KeyedCall, answer: &KeyedAnswer) -> AnswerNote {
        let text = answer.to_text();
        let is_kept = text.len() as u64 <= self.idempotency.settings.max_answer_bytes;
        AnswerNote::Answered(is_kept.then(|| seal.seal(&call.fingerprint, &text)))
    }

    async fn note(&self, call: &KeyedCall, note: &AnswerNote) -> Result<(), Error> {
        match note {
            AnswerNote::Answered(answer) => {
                self.services
                    .idempotency_store
                    .end_keyed_call(call, answer.as_deref(), self.idempotency.settings.bounds())
                    .await
            }
            AnswerNote::NeverRan => self.services.idempotency_store.forget_keyed_call(call).await,
        }
    }

    /// Tries until the database has it, or the gateway stops.
    async fn keep_trying_to_note(&self, call: &KeyedCall, note: &AnswerNote) {
        let stopping = &self.idempotency.stopping;
        loop {
            let _ = timeout(NEXT_TRY, stopping.cancelled()).await;
            let is_last = stopping.is_cancelled();
            match self.note(call, note).await {
                Ok(()) => return,
                Err(error) if is_last => {
                    tracing::error!(%error, "answer to a call with an idempotency key not stored and lost");
                    return;
                }
                Err(error) => tracing::debug!(%error, "answer to a call with an idempotency key not stored"),
            }
        }
    }

    /// Forgets the calls that are old enough.
    pub(crate) async fn forget_old_answers(&self) -> Result<(), Error> {
        self.services.idempotency_store.forget_keyed_calls_before(self.services.retention_clock.cutoff_ms(KEPT)).await
    }
}
