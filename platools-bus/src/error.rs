//! [`PublishError`]: tells why a message was not sent. [`RequestError`] tells why a request has no response.

use std::fmt;

/// The reason why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// There is no connection to other gateways.
    Disconnected,
    /// Too many messages wait to be sent.
    Overloaded,
    /// The payload is longer than [`MAX_PAYLOAD_BYTES`].
    TooLong,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("there is no connection to the other gateways"),
            Self::Overloaded => f.write_str("too many messages to other gateways wait to be sent"),
            Self::TooLong => write!(f, "the message is longer than {MAX_PAYLOAD_BYTES} bytes"),
        }
    }
}

impl std::error::Error for PublishError {}

/// The reason why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// No subscriber has received the request.
    NotDelivered(NotDelivered),
    /// A subscriber may have received the request: the limit has passed, or the subscriber dropped the request.
    Unanswered,
}

/// The reason why no subscriber has received a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDelivered {
    /// The subject has no subscriber.
    NoSubscriber,
    /// The inbox of the subscriber is full.
    Busy,
    /// The subscriber cannot read messages of this version.
    Incompatible,
    /// The request was not sent.
    NotSent(PublishError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDelivered(NotDelivered::NoSubscriber) => {
                f.write_str("no gateway receives requests of this subject")
            }
            Self::NotDelivered(NotDelivered::Busy) => f.write_str("the other gateway has too many requests to receive"),
            Self::NotDelivered(NotDelivered::Incompatible) => f.write_str(
                "the other gateway has a version that does not read this request; run the same version everywhere",
            ),
            Self::NotDelivered(NotDelivered::NotSent(error)) => error.fmt(f),
            Self::Unanswered => f.write_str("the other gateway did not answer"),
        }
    }
}

impl std::error::Error for RequestError {}

impl From<PublishError> for RequestError {
    fn from(error: PublishError) -> Self {
        Self::NotDelivered(NotDelivered::NotSent(error))
    }
}

/// The longest payload, in bytes: the longest frame of a worker, and room for an envelope.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024 * 1024;
