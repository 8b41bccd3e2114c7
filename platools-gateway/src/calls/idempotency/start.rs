//! [`KeyedCallStart`]: records a call under an idempotency key before it is sent to its worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::answer::KeyedAnswer;
use crate::calls::request::CallReply;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::idempotency::KeyedCall;
use crate::domain::ids::CallId;
use crate::ports::idempotency::IdempotencyStore;

/// A call with an idempotency key that is about to run.
pub(crate) struct KeyedCallStart<'a> {
    pub(super) store: &'a dyn IdempotencyStore,
    pub(super) call: &'a KeyedCall,
    pub(super) max_keys: u32,
    pub(super) has_begun: AtomicBool,
    /// The callers that wait for the answer.
    pub(super) told: &'a watch::Sender<Option<Arc<KeyedAnswer>>>,
}

impl KeyedCallStart<'_> {
    /// True if the call is noted as begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Notes that the call begins, once nothing refuses it any more and before its worker can have it. Refused calls leave no trace.
    pub(crate) async fn begin(&self, call_id: &CallId) -> Result<(), Error> {
        if !self.store.begin_keyed_call(self.call, call_id, i64::from(self.max_keys)).await? {
            return Err(too_many_keys(self.max_keys));
        }
        self.has_begun.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Tells the callers that the call's worker is lost. The call goes on: a late answer is kept for the next call with the key.
    pub(crate) fn lose(&self, lost: Error, call_id: &CallId) {
        let lost: Result<CallReply, _> = Err(lost.about_call(call_id));
        self.told.send_replace(Some(Arc::new(lost.into())));
    }
}

/// The wait of a caller whose project has too many keys.
const UNTIL_FORGOTTEN: Duration = Duration::from_secs(60);

fn too_many_keys(max_keys: u32) -> Error {
    let message = format!(
        "the project has used {max_keys} idempotency keys within 24 hours, which is as many as the gateway remembers; try again later, \
         or call without a key"
    );
    Error::new(ErrorKind::RateLimited, message).retry_after(UNTIL_FORGOTTEN)
}
