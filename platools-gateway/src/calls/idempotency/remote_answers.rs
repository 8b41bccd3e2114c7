//! Functions of [`Calls`] for calls under idempotency keys that several gateways know: `end_of_earlier` waits for the answer of a call that
//! another gateway makes, `keyed_call_status` answers another gateway that waits, and `keep_answer` keeps the answer of a call whose gateway is
//! gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::answer::{KeyedAnswer, dropped, key_reused, stopped, too_large, unknown_end};
use super::grant::KeyedCallGrant;
use super::key::OwnedKey;
use crate::background::offload::offload;
use crate::calls::service::Calls;
use crate::domain::idempotency::{EarlierCall, EarlierEnd, KeyedCallStatus};
use crate::domain::ids::CallId;
use crate::domain::lock::lock;
use crate::pending_calls::WorkerAnswer;
use crate::ports::remote_calls::RemoteCalls;

/// The time in which another gateway responds, with the answer or without. The database is read between two requests.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// The first time between two looks into the database for the answer of a gateway that does not respond. The time doubles: when a gateway
/// hangs, many calls wait for it, and their looks must leave the database free for other calls.
const FIRST_POLL: Duration = Duration::from_millis(500);

/// The longest time between two looks.
const LONGEST_POLL: Duration = Duration::from_secs(5);

impl Calls {
    /// The answer of an earlier call under a key. While another gateway makes the call, waits for its answer: as long as it may still come.
    /// `None` if the call certainly did not run.
    pub(super) async fn end_of_earlier(
        &self,
        key: &OwnedKey,
        fingerprint: &str,
        mut earlier: EarlierCall,
    ) -> Option<KeyedAnswer> {
        let mut poll = FIRST_POLL;
        let mut read = Instant::now();
        loop {
            let Some((remote_calls, wait)) = self.remote_wait(&earlier, fingerprint, read) else {
                return Some(earlier_answer(key, fingerprint, earlier));
            };
            let status = self.remote_status(&**remote_calls, key.id(), &earlier.call_id, wait, poll);
            match self.idempotency.end_of_waits.run_until_cancelled(status).await {
                None => return Some(Err(stopped().about_call(&earlier.call_id)).into()),
                Some(KeyedCallStatus::Ended { sealed, retry_after_ms }) => {
                    let retry_after = retry_after_ms.map(Duration::from_millis);
                    let text = key.seal().open(fingerprint, &sealed);
                    if let Some(answer) = text.and_then(|text| KeyedAnswer::from_text(&text)) {
                        return Some(answer.with_wait(retry_after));
                    }
                }
                Some(KeyedCallStatus::Running) => {}
                Some(KeyedCallStatus::NotHere) => poll = LONGEST_POLL.min(poll * 2),
            }
            match self.services.idempotency_store.earlier_call(key.id()).await {
                Ok(None) => return None,
                Ok(Some(found)) => (earlier, read) = (found, Instant::now()),
                // The answer may still come: another gateway may reach the database, or this one may again.
                Err(error) => tracing::debug!(%error, "answer to a call with an idempotency key not read"),
            }
        }
    }

    /// The other gateways, and the time in which the answer of a call may still come. `None` if there is nothing to wait for. `read` is the
    /// time at which the call was read.
    fn remote_wait(
        &self,
        earlier: &EarlierCall,
        fingerprint: &str,
        read: Instant,
    ) -> Option<(&Arc<dyn RemoteCalls>, Duration)> {
        let remote_calls = self.services.remote_calls.as_ref()?;
        let EarlierEnd::Begun { answer_wait } = earlier.end else { return None };
        let wait = answer_wait.saturating_sub(read.elapsed());
        (!wait.is_zero() && earlier.fingerprint == fingerprint).then_some((remote_calls, wait))
    }

    /// Waits a while for the status of a call from the gateway that makes it.
    async fn remote_status(
        &self,
        remote_calls: &dyn RemoteCalls,
        id: &str,
        call_id: &CallId,
        wait: Duration,
        poll: Duration,
    ) -> KeyedCallStatus {
        let gateway = call_id.gateway();
        // A call of this gateway that is not in its table began before its last start.
        if gateway != self.gateway
            && let Some(status @ (KeyedCallStatus::Ended { .. } | KeyedCallStatus::Running)) =
                remote_calls.keyed_call(gateway, id, wait.min(ASK_LIMIT)).await
        {
            return status;
        }
        sleep(wait.min(poll)).await;
        KeyedCallStatus::NotHere
    }

    /// Waits up to a limit for the answer of a call that this gateway makes, for another gateway that got a repeat of it.
    pub(crate) async fn keyed_call_status(&self, id: &str, limit: Duration) -> KeyedCallStatus {
        let running = lock(&self.idempotency.running).get(id).cloned();
        let Some(mut running) = running else { return KeyedCallStatus::NotHere };
        let answer = match timeout(limit, running.answer.wait_for(Option::is_some)).await {
            Ok(Ok(answer)) => answer.clone(),
            Ok(Err(_)) => None,
            Err(_) => return KeyedCallStatus::Running,
        };
        let Some(answer) = answer else { return KeyedCallStatus::NotHere };
        let retry_after_ms = answer.wait().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let (seal, text) = (running.key.seal(), answer.to_text());
        let sealed = offload(text.len(), move || seal.seal(&running.fingerprint, &text)).await;
        KeyedCallStatus::Ended { sealed, retry_after_ms }
    }

    /// Keeps the answer to a call of another gateway that is gone, for the next call with the key. Tries until the database has it, or this
    /// gateway stops. The first answer stays, if the other gateway kept one after all.
    pub(crate) async fn keep_answer(&self, grant: KeyedCallGrant, answer: WorkerAnswer) {
        let call = grant.call();
        let Some(seal) = grant.seal() else {
            tracing::warn!(call.id = %call.call_id, "answer for another gateway not stored; run the same version everywhere");
            return;
        };
        let note = self.sealed(&seal, &call, &grant.answer(answer).await);
        if let Err(error) = self.note(&call, &note).await {
            tracing::error!(%error, "answer to a call with an idempotency key not stored; trying again");
            self.keep_trying_to_note(&call, &note).await;
        }
    }
}

fn earlier_answer(key: &OwnedKey, fingerprint: &str, earlier: EarlierCall) -> KeyedAnswer {
    let EarlierCall { fingerprint: stored, call_id, end } = earlier;
    if stored != fingerprint {
        return Err(key_reused()).into();
    }
    let answer = match end {
        EarlierEnd::Answered(sealed) => {
            key.seal().open(fingerprint, &sealed).and_then(|text| KeyedAnswer::from_text(&text))
        }
        EarlierEnd::TooLarge => Some(Err(too_large().about_call(&call_id)).into()),
        EarlierEnd::Dropped => Some(Err(dropped().about_call(&call_id)).into()),
        EarlierEnd::Begun { .. } => None,
    };
    answer.unwrap_or_else(|| Err(unknown_end().about_call(&call_id)).into())
}
