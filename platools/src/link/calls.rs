//! What a platform asks for, call by call, whichever socket it came over.

use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{debug, warn};

use super::opened::Late;
use super::signing;
use super::worker::Worker;
use crate::dispatch::{Admission, Call};
use crate::tool::{Params, SharedText, ToolError, code};
use platools_protocol::tool_sync::{Features, FrameError, PlatformFrame, ToolCall};

impl Worker {
    /// Takes a call on, or answers why not; `secret` is that of the socket it came over.
    pub(super) fn call(&mut self, call: &ToolCall<'_>, frame: &Utf8Bytes, secret: &SecretString) {
        // Before its signature is looked at: the nonce of a call that is sent again was used by the call itself.
        let Some(key) = self.dispatcher.key_if_new(&call.call_id) else {
            return debug!(call.id = &*call.call_id, "a repeated call was not run again");
        };
        if self.outbox.is_backlogged() {
            let error = ToolError::new("too many replies wait to be written to the platform; try again later");
            return self.refuse(&call.call_id, error.with_code(code::OVERLOADED).retryable());
        }
        if let Some(verifier) = &mut self.verifier {
            let secret = secret.expose_secret();
            let verdict = signing::verify(verifier, secret, &call.tool_name, call.params.get(), SystemTime::now());
            if let Err(reason) = verdict {
                warn!(call.id = &*call.call_id, %reason, "a call was refused for its signature");
                let error = ToolError::new(format!("the call's signature was rejected: {reason}"));
                return self.refuse(&call.call_id, error.with_code(code::SIGNATURE_REJECTED));
            }
        }
        let admission = self.dispatcher.dispatch(
            key,
            Call {
                call_id: SharedText::within(frame, &call.call_id),
                tool_name: &call.tool_name,
                params: Params::new(SharedText::within(frame, call.params.get())),
                frame_bytes: frame.len(),
                output: self.replies.output(&call.call_id),
            },
        );
        match admission {
            Admission::Accepted => {}
            Admission::Ended(outcome) => self.reply(outcome),
        }
    }

    /// Does what a frame asks about calls; any other frame that may be used here is given back.
    pub(super) fn take<'a>(
        &mut self,
        frame: Result<PlatformFrame<'a>, FrameError>,
        text: &Utf8Bytes,
        secret: &SecretString,
        features: Features,
    ) -> Option<PlatformFrame<'a>> {
        match frame {
            Ok(frame) if frame.feature().is_some_and(|feature| !features.contains(feature)) => {
                debug!("a frame of an extension that was not agreed on was ignored");
            }
            Ok(PlatformFrame::ToolCall(call)) => self.call(&call, text, secret),
            Ok(PlatformFrame::ToolCancel(cancel)) => self.cancel(&cancel.call_id),
            Ok(PlatformFrame::ResultAck(ack)) => self.acknowledged(&ack),
            Ok(other) => return Some(other),
            Err(FrameError::Malformed { kind: "tool_call", call_id: Some(call_id), reason, .. }) => {
                let error = ToolError::new(format!("malformed call: {reason}"));
                self.refuse(&call_id, error.with_code(code::INVALID_ARGUMENTS));
            }
            Err(error) => warn!(reason = error.outline(), "a frame of the platform was ignored"),
        }
        None
    }

    /// Treats a frame that crossed the close of its socket: only calls matter there any more.
    pub(super) fn late(&mut self, Late { text, secret, features }: &Late) {
        let _ = self.take(PlatformFrame::parse(text), text, secret, *features);
    }

    /// Answers a call that is not run, unless a call of this id has come before.
    pub(super) fn refuse(&mut self, call_id: &str, error: ToolError) {
        match self.dispatcher.refuse(call_id, error) {
            Some(outcome) => self.reply(outcome),
            None => debug!(call.id = call_id, "a repeated call was not answered again"),
        }
    }

    /// Gives a call up, if it is not over.
    pub(super) fn cancel(&mut self, call_id: &str) {
        debug!(call.id = call_id, "the platform gives a call up");
        if let Some(outcome) = self.dispatcher.cancel(call_id, Instant::now()) {
            self.reply(outcome);
        }
    }

    /// Answers the calls that were given up and whose handlers did not end in time.
    pub(super) fn abort_overdue(&mut self, now: Instant) {
        for outcome in self.dispatcher.abort_overdue(now) {
            self.reply(outcome);
        }
    }
}
