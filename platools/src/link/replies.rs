//! [`ReplyFrames`]: writes the outcomes of calls as reply frames, in buffers that later calls use again.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use tracing::warn;

use crate::dispatch::{Failure, Outcome};
use crate::tool::{Output, ToolError};
use platools_protocol::ErrorDetails;
use platools_protocol::tool_sync::{MAX_FRAME_BYTES, ToolFailure, WorkerFrame, result_frame};
use platools_protocol::truncate::truncate;

/// Makes frames of outcomes, in memory that it uses again: small replies are written into buffers that go from call to call, and then lie
/// side by side until the platform has them.
#[derive(Debug, Default)]
pub(super) struct ReplyFrames {
    /// The memory of the next small replies.
    chunk: BytesMut,
    /// Buffers for results; as many as calls were on their way at once, and [`SPARE_BUFFERS`] at most.
    buffers: Vec<Vec<u8>>,
}

impl ReplyFrames {
    /// The place for a call's result: the frame that carries it, as large as a frame may be.
    pub(super) fn output(&mut self, call_id: &str) -> Output {
        let mut frame = self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES));
        result_frame::head(&mut frame, call_id);
        let limit = MAX_FRAME_BYTES.saturating_sub(frame.len() + result_frame::TAIL_BYTES);
        Output::after(frame, limit)
    }

    /// The reply that tells an outcome. It is UTF-8, as all JSON is that this crate writes.
    pub(super) fn reply(&mut self, outcome: Outcome) -> Bytes {
        match outcome.result {
            Ok(output) => {
                let mut frame = output.into_bytes();
                let latency_ms = u64::try_from(outcome.latency.as_millis()).unwrap_or(u64::MAX);
                result_frame::tail(&mut frame, latency_ms);
                self.keep(frame)
            }
            Err(Failure { error, traceback }) => failure(&outcome.call_id, &error, traceback.as_deref()),
        }
    }

    /// A reply in memory that lasts.
    fn keep(&mut self, mut frame: Vec<u8>) -> Bytes {
        if frame.len() > SMALL_BYTES {
            return frame.into();
        }
        if self.chunk.capacity() < frame.len() {
            self.chunk = BytesMut::with_capacity(CHUNK_BYTES);
        }
        self.chunk.extend_from_slice(&frame);
        if self.buffers.len() < SPARE_BUFFERS && frame.capacity() <= 2 * SMALL_BYTES {
            frame.clear();
            self.buffers.push(frame);
        }
        self.chunk.split().freeze()
    }
}

/// A message of a failure is cut here: an error that filled a frame would close the socket.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A reply of more bytes keeps the memory that it was written into; a smaller one is copied, so that its buffer serves the next call.
const SMALL_BYTES: usize = 2 * 1024;

/// Small replies share so much memory. A reply that is confirmed late keeps all of it.
const CHUNK_BYTES: usize = 16 * 1024;

/// The length of a new buffer: that of most replies.
const BUFFER_BYTES: usize = 256;

const SPARE_BUFFERS: usize = 64;

/// The form of a reply for a platform that did not agree on `error-details`: the same without the facts about a failure.
pub(super) fn without_error_details(reply: &Bytes) -> Cow<'_, Bytes> {
    if !reply.starts_with(br#"{"type":"tool_error""#) {
        return Cow::Borrowed(reply);
    }
    match str::from_utf8(reply).map(WorkerFrame::parse) {
        Ok(Ok(WorkerFrame::ToolError(failure))) => {
            Cow::Owned(WorkerFrame::ToolError(failure.with_details(ErrorDetails::default())).to_text().into())
        }
        _ => Cow::Borrowed(reply),
    }
}

fn failure(call_id: &str, error: &ToolError, traceback: Option<&str>) -> Bytes {
    let failure = ToolFailure::new(call_id, truncate(error.message(), MAX_MESSAGE_BYTES));
    let failure = match traceback {
        Some(traceback) => failure.with_traceback(truncate(traceback, MAX_MESSAGE_BYTES)),
        None => failure,
    };
    WorkerFrame::ToolError(failure.with_details(error_details(call_id, error))).to_text().into()
}

/// The facts about a failure beside its message.
fn error_details(call_id: &str, error: &ToolError) -> ErrorDetails {
    let facts = ErrorDetails::new(error.code(), error.is_retryable(), error.details());
    if error.details().is_some() && facts.details.is_none() {
        warn!(call.id = call_id, "error details left out: they are larger than 64 KiB");
    }
    facts
}
