//! [`KeyedCallGrant`]: lets another gateway keep the answer of a call under an idempotency key, if the gateway where the call began is gone.

use std::fmt;

use platools_protocol::tool_sync::ToolDeclaration;
use platools_protocol::tool_sync::annotation::has_exposed_errors;
use serde::{Deserialize, Serialize};

use super::answer::KeyedAnswer;
use super::key::OwnedKey;
use super::seal::AnswerSeal;
use crate::arguments::compact::compacted;
use crate::background::offload::offload;
use crate::calls::content_text::max_bytes;
use crate::calls::outcome::outcome;
use crate::calls::request::CallReply;
use crate::calls::result_preview::shortened;
use crate::domain::idempotency::KeyedCall;
use crate::domain::ids::CallId;
use crate::pending_calls::WorkerAnswer;

/// The permission to keep the answer of one call under an idempotency key. It travels with the call to the gateway that has the worker.
/// With it, that gateway stores the answer as the call's own gateway would, and can read no other answer.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeyedCallGrant {
    id: String,
    project: String,
    fingerprint: String,
    call_id: String,
    /// The key that seals the answer.
    seal: String,
    /// The length past which the result becomes a preview.
    max_result_bytes: usize,
    /// True if the tool shows callers the causes of its failures.
    has_exposed_errors: bool,
}

impl KeyedCallGrant {
    /// The grant for a call of a tool with this declaration.
    pub(super) fn new(key: &OwnedKey, call: &KeyedCall, declaration: &ToolDeclaration) -> Self {
        Self {
            id: call.id.clone(),
            project: call.project.to_string(),
            fingerprint: call.fingerprint.clone(),
            call_id: call.call_id.to_string(),
            seal: key.seal().to_text(),
            max_result_bytes: max_bytes(declaration),
            has_exposed_errors: has_exposed_errors(&declaration.annotations),
        }
    }

    pub(super) fn call(&self) -> KeyedCall {
        KeyedCall {
            id: self.id.clone(),
            project: self.project.as_str().into(),
            fingerprint: self.fingerprint.clone(),
            call_id: self.call_id.as_str().into(),
        }
    }

    /// The seal of the answer. `None` if another version wrote its key otherwise.
    pub(super) fn seal(&self) -> Option<AnswerSeal> {
        AnswerSeal::from_text(&self.seal)
    }

    /// The answer as the call's own gateway would give it.
    pub(super) async fn answer(&self, answer: WorkerAnswer) -> KeyedAnswer {
        let call_id = CallId::from(self.call_id.as_str());
        let reply = match outcome(answer, self.has_exposed_errors) {
            Ok((result, latency_ms)) => {
                let max_bytes = self.max_result_bytes;
                let result = offload(result.get().len(), move || shortened(compacted(result), max_bytes)).await;
                Ok(CallReply { call_id, result, latency_ms })
            }
            Err(error) => Err(error.about_call(&call_id)),
        };
        reply.into()
    }
}

/// The call only: the rest belongs to its caller.
impl fmt::Debug for KeyedCallGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCallGrant").field("call_id", &self.call_id).finish_non_exhaustive()
    }
}
