//! [`Message`]: holds one message or request, as a subscriber receives it. [`Responder`] answers the request.

use std::fmt;

use bytes::Bytes;

use crate::error::{NotDelivered, RequestError};

/// An event of a subscription.
#[derive(Debug)]
pub enum Event {
    /// A message or request arrived.
    Message(Message),
    /// Messages may be missing here. Read again what they would have told.
    Gap,
}

/// A message or request that arrived.
#[derive(Debug)]
pub struct Message {
    /// The bytes that were published.
    pub payload: Bytes,
    /// Sends the response, if this is a request.
    pub responder: Option<Responder>,
}

impl Message {
    pub(crate) fn new(payload: Bytes, responder: Option<Responder>) -> Self {
        Self { payload, responder }
    }

    /// Ends a request that is not delivered, with the reason. A message is dropped.
    pub(crate) fn refuse(self, reason: NotDelivered) {
        if let Some(responder) = self.responder {
            responder.answer(Answer::NotDelivered(reason));
        }
    }
}

/// The place for the response to a request. Dropping it ends the request without a response.
pub struct Responder(Option<SendAnswer>);

type SendAnswer = Box<dyn FnOnce(Answer) + Send + Sync>;

impl Responder {
    pub(crate) fn new(send: impl FnOnce(Answer) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(send)))
    }

    /// Sends the response. It is lost if the connection is, or if the sender of the request no longer waits.
    pub fn respond(self, payload: Bytes) {
        self.answer(Answer::Response(payload));
    }

    fn answer(mut self, answer: Answer) {
        if let Some(send) = self.0.take() {
            send(answer);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(send) = self.0.take() {
            send(Answer::Dropped);
        }
    }
}

impl Responder {
    /// Ends the request without telling its sender, as a network does that loses a message.
    pub(crate) fn lose(mut self) {
        self.0 = None;
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").finish_non_exhaustive()
    }
}

/// The end of a request, as its subscriber tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Response(Bytes),
    NotDelivered(NotDelivered),
    /// The subscriber has the request and does not respond.
    Dropped,
}

impl Answer {
    /// The end of the request for its sender.
    pub(crate) fn into_result(self) -> Result<Bytes, RequestError> {
        match self {
            Self::Response(payload) => Ok(payload),
            Self::NotDelivered(reason) => Err(RequestError::NotDelivered(reason)),
            Self::Dropped => Err(RequestError::Unanswered),
        }
    }
}
