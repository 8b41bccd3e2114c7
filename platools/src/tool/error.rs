//! How a call fails.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use serde_json::Value;

/// The codes this crate gives its own failures. A tool is free to use others.
pub mod code {
    /// The handler returned an error.
    pub const FAILED: &str = "failed";
    /// The arguments do not fit the tool's schema.
    pub const INVALID_ARGUMENTS: &str = "invalid_arguments";
    /// There is no such tool.
    pub const UNKNOWN_TOOL: &str = "unknown_tool";
    /// The handler panicked.
    pub const PANICKED: &str = "panicked";
    /// The handler did not finish within the tool's timeout.
    pub const TIMEOUT: &str = "timeout";
    /// The call was given up before it finished.
    pub const CANCELLED: &str = "cancelled";
    /// The result is larger than a frame can carry.
    pub const RESULT_TOO_LARGE: &str = "result_too_large";
    /// The result has no JSON form.
    pub const RESULT_NOT_SERIALIZABLE: &str = "result_not_serializable";
    /// The tool's own rate limit is used up.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The worker runs as many calls as it may, and as many wait. The call did not run.
    pub const OVERLOADED: &str = "overloaded";
    /// The call waited for its turn for as long as its caller waits for the answer. It did not run.
    pub const QUEUE_TIMEOUT: &str = "queue_timeout";
    /// The worker is stopping.
    pub const DRAINING: &str = "draining";
    /// The call's signature is missing or wrong.
    pub const SIGNATURE_REJECTED: &str = "signature_rejected";
}

/// Why a call failed.
///
/// Over a platform the message reaches the caller, and with `expose_errors` the chain of causes; the protocol has no field for
/// the rest. Code, hint to retry and details are for whoever calls in the same process
/// ([`ToolRegistry::call`](crate::ToolRegistry::call)), and the code is in the worker's logs: what a remote caller needs to
/// know belongs into the message. A handler may return any error type; this one lets it choose all of them.
///
/// ```
/// use platools::ToolError;
///
/// let error = ToolError::new("order ord-7 is locked").with_code("locked").retryable();
/// assert_eq!(error.to_string(), "order ord-7 is locked");
/// ```
#[derive(Debug)]
pub struct ToolError(Box<Failure>);

/// Behind a pointer, so that a `Result` of a small value stays small.
#[derive(Debug)]
struct Failure {
    code: Cow<'static, str>,
    message: String,
    retryable: bool,
    details: Option<Value>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl ToolError {
    /// A failure with a message for the caller, code [`code::FAILED`], not retryable.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Failure {
            code: Cow::Borrowed(code::FAILED),
            message: message.into(),
            retryable: false,
            details: None,
            source: None,
        }))
    }

    /// A failure whose message is the error's own; the error becomes the source.
    #[must_use]
    pub fn from_error(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(error.to_string()).with_source(error)
    }

    /// Sets the code, a short word in snake case that programs can tell failures apart by. It stays in the worker's process and
    /// its logs.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = code.into();
        self
    }

    /// Says that the same call may succeed later. For callers in the same process; say it in the message for others.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Attaches facts a program can use. For callers in the same process; others get the message alone.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Sets the error behind this one. It is logged, and shown to the caller where the tool is declared with `expose_errors`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Facts a program can use.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }

    /// The chain of causes, one a line, outermost first; `None` where there is none.
    #[must_use]
    pub fn causes(&self) -> Option<String> {
        let mut lines = Vec::new();
        let mut next: Option<&dyn StdError> = self.0.source.as_deref().map(|source| source as _);
        while let Some(error) = next {
            lines.push(error.to_string());
            next = error.source();
        }
        // An error taken over whole repeats the message in its first line.
        if lines.first() == Some(&self.0.message) {
            lines.remove(0);
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for ToolError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<&str> for ToolError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for ToolError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Layer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    #[test]
    fn the_chain_of_causes_is_listed_without_the_message_itself() {
        let error = ToolError::from_error(Layer("outer", Some(Box::new(Layer("inner", None)))));
        assert_eq!(error.message(), "outer");
        assert_eq!(error.causes().as_deref(), Some("inner"));
        assert_eq!(ToolError::from_error(Layer("alone", None)).causes(), None);
    }
}
