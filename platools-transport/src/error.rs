//! [`Error`]: tells an application why a client or a registry could not be built, or why a client gave up.

use std::error::Error as StdError;
use std::fmt;

/// The reason why a registry or a client could not be built, or why a client gave up.
///
/// `Display` says what failed; why it failed is in the chain of [`source`](StdError::source)s. Failures of single calls are
/// `ToolError`s and never end a client.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Two tools have the same name.
    DuplicateTool,
    /// A tool's declaration is not one a platform accepts.
    InvalidTool,
    /// A tool borrows state that the registry does not have.
    MissingState,
    /// The platform's URL is missing or malformed.
    InvalidUrl,
    /// The secret is missing, empty, or cannot be read.
    InvalidSecret,
    /// A setting of the client is out of range.
    InvalidSetting,
    /// A certificate or key cannot be used.
    Tls,
    /// The platform could not be reached, or the connection broke.
    Connection,
    /// The platform refused the worker's credentials.
    Refused,
    /// The retry policy allows no further attempt.
    RetriesExhausted,
    /// A tool that is to be served is not in the registry.
    UnknownTool,
    /// A local server cannot listen, or its client does not speak its protocol.
    Serve,
    /// The signals of the process cannot be caught.
    Signals,
}

impl Error {
    /// Creates an error of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Creates an error about a setting that is out of range.
    pub fn invalid_setting(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidSetting, message)
    }

    /// Refuses settings that are zero.
    pub fn if_zero<const N: usize>(settings: [(&str, bool); N]) -> Result<(), Self> {
        match settings.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(Self::invalid_setting(format!("`{name}` must not be zero"))),
            None => Ok(()),
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the cause, without the outer message.
    pub fn into_source(self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.source
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error with everything behind it, in one line.
#[derive(Debug)]
pub struct WithCauses<'a>(pub &'a Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
