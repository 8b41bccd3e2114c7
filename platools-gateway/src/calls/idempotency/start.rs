//! [`KeyedCallStart`]: records a call under an idempotency key before it is sent to its worker.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use platools_protocol::tool_sync::ToolDeclaration;
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::KeyedAnswer;
use super::grant::KeyedCallGrant;
use super::key::OwnedKey;
use crate::calls::request::CallReply;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::idempotency::{KeyedBegin, KeyedCall};
use crate::domain::ids::CallId;
use crate::ports::idempotency::IdempotencyStore;

/// A call with an idempotency key that is about to run.
pub(crate) struct KeyedCallStart<'a> {
    store: &'a dyn IdempotencyStore,
    key: &'a OwnedKey,
    call: &'a KeyedCall,
    max_keys: u32,
    begin: OnceLock<KeyedBegin>,
    /// The callers that wait for the answer.
    told: &'a watch::Sender<Option<Arc<KeyedAnswer>>>,
}

impl<'a> KeyedCallStart<'a> {
    pub(super) fn new(
        store: &'a dyn IdempotencyStore,
        (key, call): (&'a OwnedKey, &'a KeyedCall),
        max_keys: u32,
        told: &'a watch::Sender<Option<Arc<KeyedAnswer>>>,
    ) -> Self {
        Self { store, key, call, max_keys, begin: OnceLock::new(), told }
    }

    /// True if the call is noted as begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begin.get() == Some(&KeyedBegin::Begun)
    }

    /// True if another gateway began a call under the key first.
    pub(super) fn is_taken(&self) -> bool {
        self.begin.get() == Some(&KeyedBegin::Taken)
    }

    /// Notes that the call begins, once nothing refuses it any more and before its worker can have it. Refused calls leave no trace.
    pub(crate) async fn begin(&self, deadline: Instant) -> Result<(), Error> {
        let answer_wait = deadline.saturating_duration_since(Instant::now()).saturating_add(ANSWER_MARGIN);
        let begin = self.store.begin_keyed_call(self.call, answer_wait, i64::from(self.max_keys)).await?;
        match self.begin.get_or_init(|| begin) {
            KeyedBegin::Begun => Ok(()),
            KeyedBegin::Taken => Err(taken()),
            KeyedBegin::TooManyKeys => Err(too_many_keys(self.max_keys)),
        }
    }

    /// The grant with which another gateway keeps the answer, if it has the worker and this gateway is gone.
    pub(crate) fn grant(&self, declaration: &ToolDeclaration) -> KeyedCallGrant {
        KeyedCallGrant::new(self.key, self.call, declaration)
    }

    /// Tells the callers that the call's worker is lost. The call goes on: a late answer is kept for the next call with the key.
    pub(crate) fn lose(&self, lost: Error, call_id: &CallId) {
        let lost: Result<CallReply, _> = Err(lost.about_call(call_id));
        self.told.send_replace(Some(Arc::new(lost.into())));
    }
}

/// The time after a call's deadline in which its answer may still be stored: by a worker's last moment, and a database that is slow.
const ANSWER_MARGIN: Duration = Duration::from_secs(10);

/// The wait of a caller whose project has too many keys.
const UNTIL_FORGOTTEN: Duration = Duration::from_secs(60);

fn too_many_keys(max_keys: u32) -> Error {
    let message = format!(
        "the project has used {max_keys} idempotency keys within 24 hours, which is as many as the gateway remembers; try again later, \
         or call without a key"
    );
    Error::new(ErrorKind::RateLimited, message).retry_after(UNTIL_FORGOTTEN)
}

/// The end of an attempt that lost against another gateway. The caller gets the answer of the other call instead.
fn taken() -> Error {
    Error::new(ErrorKind::AlreadyExists, "another gateway makes this call under the same idempotency key")
}
