//! [`AnswerStream`]: reads the answer of a language model while it arrives, as [`Chunk`]s.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::chunk::Chunk;
use super::failure::ModelFailure;
use super::sse::EventDecoder;

/// Data of the last event.
const DONE: &[u8] = b"[DONE]";

const TOO_LONG: ModelFailure = ModelFailure::Unreadable("an event of its answer is too long");

/// The answer of a model while it arrives. Dropped, it closes its connection.
pub(super) struct AnswerStream {
    body: Incoming,
    events: EventDecoder,
    is_over: bool,
    is_done: bool,
}

impl AnswerStream {
    /// Waits for the first bytes: the request may be repeated if the endpoint disconnects before them.
    pub(super) async fn begin(body: Incoming) -> Result<Self, ModelFailure> {
        let mut answer = Self { body, events: EventDecoder::default(), is_over: false, is_done: false };
        match answer.read().await {
            Ok(Some(bytes)) => answer.events.feed(&bytes).map_err(|_| TOO_LONG)?,
            Ok(None) => return Err(ModelFailure::Unreachable(None)),
            Err(error) => return Err(ModelFailure::Unreachable(Some(error.into()))),
        }
        Ok(answer)
    }

    /// The next part; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, ModelFailure> {
        loop {
            if let Some(data) = self.events.next() {
                self.is_done = data.trim_ascii() == DONE;
                return if self.is_done { Ok(None) } else { Chunk::read(&data).map(Some) };
            }
            if self.is_over {
                return Ok(None);
            }
            match self.read().await.map_err(|error| ModelFailure::Cut(Some(error.into())))? {
                Some(bytes) => self.events.feed(&bytes).map_err(|_| TOO_LONG)?,
                None => {
                    self.is_over = true;
                    self.events.end();
                }
            }
        }
    }

    /// True if the endpoint sent its last event.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    async fn read(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        while let Some(frame) = self.body.frame().await {
            // Trailers have no events.
            if let Ok(bytes) = frame?.into_data()
                && !bytes.is_empty()
            {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}
