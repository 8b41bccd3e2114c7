//! [`RuntimeError`]: tells an application why a session did not begin, or why a request has no answer.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use platools_transport::{Error, ErrorKind};

/// The reason why a session could not begin, or a request has no answer. None of these ends the client.
///
/// `Display` says what failed, with what the gateway said of it; why is in the chain of [`source`](StdError::source)s. The
/// secret is in none of that, not even where the gateway repeats it.
#[derive(Debug)]
pub struct RuntimeError {
    kind: RuntimeErrorKind,
    message: String,
    status: Option<u16>,
    gateway_message: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of a [`RuntimeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeErrorKind {
    /// The gateway answered with a status that is no success: [`RuntimeError::status`].
    Status,
    /// The gateway could not be reached, or the connection broke.
    Connection,
    /// No answer came in time.
    TimedOut,
    /// The secret cannot be read.
    InvalidSecret,
    /// The method, the path or the body cannot be sent.
    InvalidRequest,
    /// The body or the frame is larger than a gateway reads.
    TooLarge,
    /// The answer is not what was expected, or larger than is read.
    InvalidReply,
    /// There is no socket at the moment, or none at all.
    NotConnected,
    /// The client is connected already, or connecting.
    AlreadyConnected,
    /// The client was disconnected meanwhile.
    Disconnected,
}

impl RuntimeError {
    pub(super) fn new(kind: RuntimeErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), status: None, gateway_message: None, retry_after: None, source: None }
    }

    pub(super) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The gateway answered with that status.
    pub(super) fn of_status(status: u16, gateway_message: Option<String>, retry_after: Option<Duration>) -> Self {
        let message = format!("the gateway answered with {status}");
        Self { status: Some(status), gateway_message, retry_after, ..Self::new(RuntimeErrorKind::Status, message) }
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> RuntimeErrorKind {
        self.kind
    }

    /// The HTTP status, if the gateway answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns the gateway's message, if it answered with one: at most 1 KiB of it.
    #[must_use]
    pub fn gateway_message(&self) -> Option<&str> {
        self.gateway_message.as_deref()
    }

    /// Returns the time to wait before trying again, where the gateway names one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns true if the same request may succeed later. If it [`is_in_doubt`](Self::is_in_doubt), it may then be carried out twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        use RuntimeErrorKind::{Connection, NotConnected, TimedOut};
        match self.status {
            Some(status) => status == 408 || status == 429 || status >= 500,
            None => matches!(self.kind, Connection | TimedOut | NotConnected),
        }
    }

    /// Returns true if the gateway may have done what was asked, although its answer never came or cannot be read.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        use RuntimeErrorKind::{Connection, InvalidReply, TimedOut};
        matches!(self.kind, Connection | TimedOut | InvalidReply)
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.gateway_message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl StdError for RuntimeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Converts errors of the shared parts: dialling, and reading the key.
impl From<Error> for RuntimeError {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::InvalidSecret => RuntimeErrorKind::InvalidSecret,
            ErrorKind::InvalidUrl => RuntimeErrorKind::InvalidRequest,
            // That of a ticket is no refusal of the key: the next one may be taken.
            _ => RuntimeErrorKind::Connection,
        };
        let failed = Self::new(kind, error.to_string());
        match error.into_source() {
            Some(source) => failed.with_source(source),
            None => failed,
        }
    }
}

/// Converts for the retry policy, in which a key that is not accepted is a refusal.
impl From<RuntimeError> for Error {
    fn from(error: RuntimeError) -> Self {
        let (kind, message) = match error.status {
            Some(401 | 403) => (ErrorKind::Refused, "the gateway refused the secret"),
            _ => (ErrorKind::Connection, "the session could not begin"),
        };
        Self::new(kind, message).with_source(error)
    }
}
