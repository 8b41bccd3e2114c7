//! [`ToolError`]: tells a caller why a call failed. Other errors of handlers are converted into it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use tokio::task::JoinError;

/// The codes this crate gives its own failures. A tool is free to use others.
pub mod code {
    /// The handler returned an error, and did not say which: the code of every error that is converted with `?`.
    pub const FAILED: &str = "failed";
    /// The tool is at fault, and not its caller: the code of [`ToolError::internal`](super::ToolError::internal). Counts against the tool's
    /// health.
    pub const INTERNAL: &str = "internal";
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

/// The error of a call.
///
/// The message reaches the caller. So do the code, the hint to retry and the details, if the platform knows the extension `error-details`.
/// The error behind it ([`with_source`](Self::with_source)) stays in the worker's log, unless the tool is declared with `expose_errors`: then
/// callers get its chain of causes behind the message, and the platform the stack that a report such as `anyhow::Error` has captured.
///
/// `?` converts any error into one: error types, strings, boxed errors, and reports such as `anyhow::Error`. The caller sees the text of
/// its `Display`, the code is [`code::FAILED`], and the error becomes the source. [`internal`](Self::internal) shows the caller nothing of an error.
///
/// ```
/// use platools::{ToolError, tool};
///
/// /// Read a note.
/// #[tool]
/// async fn read_note(name: String) -> Result<String, ToolError> {
///     if name.contains('/') {
///         return Err(ToolError::new("a note's name has no slash").with_code("bad_name"));
///     }
///     Ok(tokio::fs::read_to_string(name).await?)
/// }
///
/// let error = ToolError::new("order ord-7 is locked").with_code("locked").retryable();
/// assert_eq!(error.to_string(), "order ord-7 is locked");
/// ```
///
/// It is no `std::error::Error` itself, so that `?` can take every one. [`into_error`](Self::into_error) makes it one; `?` in a function that
/// returns `Box<dyn Error>` does the same.
#[derive(Debug)]
pub struct ToolError(Box<ToolErrorInner>);

/// Behind a pointer, so that a `Result` of a small value stays small.
#[derive(Debug)]
struct ToolErrorInner {
    code: Cow<'static, str>,
    message: String,
    retryable: bool,
    details: Option<Value>,
    source: Option<Source>,
}

impl ToolError {
    /// A failure with a message for the caller, code [`code::FAILED`], not retryable.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(ToolErrorInner {
            code: Cow::Borrowed(code::FAILED),
            message: message.into(),
            retryable: false,
            details: None,
            source: None,
        }))
    }

    /// A failure that the tool is to blame for, with code [`code::INTERNAL`]. Its caller learns no more than that; the error is in the
    /// worker's log, and the failure counts against the tool's health.
    ///
    /// ```
    /// use platools::ToolError;
    ///
    /// fn balance(database: &str) -> Result<String, ToolError> {
    ///     std::fs::read_to_string(database).map_err(ToolError::internal)
    /// }
    ///
    /// let error = balance("/nonexistent").unwrap_err();
    /// assert!(error.is_internal());
    /// assert_eq!(error.message(), "the tool failed with an internal error");
    /// ```
    #[must_use]
    pub fn internal(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new("the tool failed with an internal error").with_code(code::INTERNAL).with_source(error)
    }

    /// The same as `ToolError::from`.
    pub(crate) fn from_error(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::from(error)
    }

    /// Sets the code, a short word in snake case by which programs tell failures apart. Over a link it has at most 128 characters. Default:
    /// [`code::FAILED`].
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = code.into();
        self
    }

    /// Says that the same call may succeed later. A hint for the caller: no call is repeated by itself.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Attaches facts that a program can use. They reach the caller, so put no secret into them. Over a link they have at most 64 KiB as
    /// JSON: larger ones are left out, and the worker's log says so.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Sets the error behind this one. It is logged, and shown to the caller where the tool is declared with `expose_errors`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Source(Some(source.into())));
        self
    }

    /// Returns true if the tool is at fault, as [`internal`](Self::internal) says: the code is [`code::INTERNAL`].
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.0.code == code::INTERNAL
    }

    /// The failure as a standard error, with the same text and source, for functions that return `anyhow::Error` and the like. Converted
    /// back into a `ToolError`, it is the same as before.
    #[must_use]
    pub fn into_error(self) -> impl StdError + Send + Sync + 'static {
        AsError(self)
    }

    /// The code, a short word in snake case by which programs tell failures apart.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns true if the same call may succeed later.
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
        let mut next = self.source();
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

impl ToolError {
    /// The chain of causes, and the stack where the error behind this one has captured one; `None` if there is neither.
    pub(crate) fn traceback(&self) -> Option<String> {
        let parts: Vec<_> = self.causes().into_iter().chain(self.stack()).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }

    /// The stack that a report such as `anyhow::Error` has captured. The standard library has no way to ask an error for it, but
    /// the `Debug` of reports ends with it.
    fn stack(&self) -> Option<String> {
        let text = format!("{:?}", self.source()?);
        let at = text.find(&format!("\n\n{STACK_HEADING}\n"))?;
        Some(text[at + 2..].to_owned())
    }

    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.0.source.as_ref()?.error())
    }
}

/// The line before the stack in a traceback, as reports such as `anyhow::Error` have it.
pub(crate) const STACK_HEADING: &str = "Stack backtrace:";

/// The causes in a traceback, for callers: all before the line `Stack backtrace:`. `None` if nothing is before it.
#[must_use]
pub fn without_stack(traceback: &str) -> Option<&str> {
    let mut at = 0;
    for line in traceback.split_inclusive('\n') {
        if line.trim_end() == STACK_HEADING {
            break;
        }
        at += line.len();
    }
    Some(traceback[..at].trim_end()).filter(|causes| !causes.is_empty())
}

/// The error behind a failure. Dropping it never panics, whatever the author's error does: a failure is dropped by tasks that serve
/// other calls too.
struct Source(Option<Box<dyn StdError + Send + Sync>>);

impl Source {
    fn error(&self) -> &(dyn StdError + 'static) {
        &**self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        discard(self.0.take());
    }
}

/// Drops a value of the author's, whose destructor may panic.
#[expect(clippy::mem_forget, reason = "the payload of that panic may panic when it is dropped, and so on")]
pub(crate) fn discard<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(payload);
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Takes everything that becomes a boxed error: error types, strings, boxed errors and reports.
///
/// The type itself must not become one, because that would be a second way from a `ToolError` to itself.
impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for ToolError {
    fn from(error: E) -> Self {
        match error.into().downcast::<AsError>() {
            Ok(own) => own.0,
            // Its text has that of the panic, which is no more for callers than that of the tool's own.
            Err(source) if is_panic_of_task(&*source) => {
                Self::new("a task of the tool panicked").with_code(code::PANICKED).with_source(source)
            }
            Err(source) => Self::new(source.to_string()).with_source(source),
        }
    }
}

/// Returns true if an error is the end of a task that panicked. A report such as `anyhow::Error` hides the type, so that only its text tells.
fn is_panic_of_task(error: &(dyn StdError + Send + Sync + 'static)) -> bool {
    match error.downcast_ref::<JoinError>() {
        Some(error) => error.is_panic(),
        None => {
            let text = error.to_string();
            text.starts_with("task ") && text.contains(" panicked with message ")
        }
    }
}

impl From<ToolError> for Box<dyn StdError> {
    fn from(error: ToolError) -> Self {
        Box::new(error.into_error())
    }
}

/// A [`ToolError`] as a standard error.
#[derive(Debug)]
struct AsError(ToolError);

impl fmt::Display for AsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for AsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// An error type of a tool that says which [`ToolError`] it becomes: implement it for an enum of errors to give each its own code.
///
/// `#[tool]` prefers it to the conversion that every error type has, which gives all of them the code [`code::FAILED`].
///
/// ```
/// use platools::tool::IntoToolError;
/// use platools::{ToolError, tool};
///
/// #[derive(Debug)]
/// enum OrderError {
///     NotFound(String),
///     Locked,
/// }
///
/// impl IntoToolError for OrderError {
///     fn into_tool_error(self) -> ToolError {
///         match self {
///             Self::NotFound(id) => ToolError::new(format!("there is no order {id}")).with_code("not_found"),
///             Self::Locked => ToolError::new("the order is locked").with_code("locked").retryable(),
///         }
///     }
/// }
///
/// /// Cancel an order.
/// #[tool]
/// async fn cancel_order(id: String) -> Result<(), OrderError> {
///     if id == "ord-7" { Err(OrderError::Locked) } else { Err(OrderError::NotFound(id)) }
/// }
/// ```
pub trait IntoToolError {
    /// The failure that the caller is told.
    fn into_tool_error(self) -> ToolError;
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
        let error = ToolError::from(Layer("outer", Some(Box::new(Layer("inner", None)))));
        assert_eq!(error.message(), "outer");
        assert_eq!(error.causes().as_deref(), Some("inner"));
        assert_eq!(ToolError::from(Layer("alone", None)).causes(), None);
    }

    /// A report as `anyhow` has it, with a stack.
    struct Report;

    impl fmt::Debug for Report {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(
                "no stock\n\nCaused by:\n    the shelf is empty\n\nStack backtrace:\n   0: shelf::take\n   1: main",
            )
        }
    }

    impl fmt::Display for Report {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no stock")
        }
    }

    impl StdError for Report {}

    #[test]
    fn a_traceback_has_the_causes_and_the_stack_of_a_report() {
        let stack = "Stack backtrace:\n   0: shelf::take\n   1: main";
        assert_eq!(ToolError::from(Report).traceback().as_deref(), Some(stack));
        let error = ToolError::new("outer").with_source(Report);
        assert_eq!(error.traceback(), Some(format!("no stock\n{stack}")));
        assert_eq!(ToolError::from(Layer("alone", None)).traceback(), None);
    }

    #[test]
    fn the_causes_in_a_traceback_are_all_before_its_stack() {
        let traceback = "no stock\nthe shelf is empty\nStack backtrace:\n   0: main";
        assert_eq!(without_stack(traceback), Some("no stock\nthe shelf is empty"));
        assert_eq!(without_stack("a cause\n"), Some("a cause"));
        assert_eq!(without_stack("Stack backtrace:\n   0: main"), None);
        assert_eq!(without_stack(""), None);
    }

    #[test]
    fn an_error_that_panics_when_it_is_dropped_harms_nobody() {
        #[derive(Debug)]
        struct Bomb;
        impl fmt::Display for Bomb {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tick")
            }
        }
        impl StdError for Bomb {}
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        drop(ToolError::from(Bomb));
    }

    #[tokio::test]
    async fn the_text_of_a_task_that_panicked_is_a_cause() {
        let joined: Result<(), _> = tokio::spawn(async { panic!("hunter2") }).await;
        let error = ToolError::from(joined.expect_err("it panicked"));
        assert_eq!((error.message(), error.code()), ("a task of the tool panicked", code::PANICKED));
        assert!(error.causes().is_some_and(|causes| causes.contains("hunter2")));

        let joined: Result<(), _> = tokio::spawn(async { panic!("hunter2") }).await;
        let text: &'static str = joined.expect_err("it panicked").to_string().leak();
        let error = ToolError::from(Layer(text, None));
        assert_eq!((error.message(), error.code()), ("a task of the tool panicked", code::PANICKED));
        let error = ToolError::from(Layer("found the words", Some(Box::new(Layer(text, None)))));
        assert_eq!((error.message(), error.code()), ("found the words", code::FAILED));
    }

    #[test]
    fn a_question_mark_takes_errors_strings_and_boxes() {
        fn question<T, E>(result: Result<T, E>) -> Result<T, ToolError>
        where
            ToolError: From<E>,
        {
            Ok(result?)
        }
        let boxed: Box<dyn StdError + Send + Sync> = Box::new(Layer("boxed", Some(Box::new(Layer("inner", None)))));
        let errors = [
            question("x".parse::<u8>()).map(drop),
            question(Err::<(), _>(boxed)),
            question(Err::<(), _>("text")),
            question(Err::<(), _>("text".to_owned())),
        ];
        let seen = errors.map(|result| {
            let error = result.expect_err("each is an error");
            (error.message().to_owned(), error.code().to_owned(), error.causes())
        });
        let failed = |message: &str, causes: Option<&str>| {
            (message.to_owned(), code::FAILED.to_owned(), causes.map(str::to_owned))
        };
        let expected = [
            failed("invalid digit found in string", None),
            failed("boxed", Some("inner")),
            failed("text", None),
            failed("text", None),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_internal_error_is_told_to_nobody_but_the_log() {
        let error = ToolError::internal(Layer("password of db-1 is wrong", None));
        assert!(error.is_internal() && !error.message().contains("password"));
        assert_eq!(error.causes().as_deref(), Some("password of db-1 is wrong"));
        assert!(ToolError::from(Layer("outer", None)).with_code(code::INTERNAL).is_internal());
        assert!(!ToolError::new("no such order").is_internal());
    }

    #[test]
    fn a_failure_that_passed_through_a_standard_error_is_the_same() {
        let error =
            ToolError::new("locked").with_code("locked").retryable().with_source(Layer("inner", None)).into_error();
        assert_eq!(
            (error.to_string(), error.source().map(ToString::to_string)),
            ("locked".to_owned(), Some("inner".to_owned()))
        );
        let back = ToolError::from(error);
        assert_eq!((back.code(), back.is_retryable(), back.causes().as_deref()), ("locked", true, Some("inner")));
        let boxed: Box<dyn StdError> = back.into();
        assert_eq!(boxed.to_string(), "locked");
    }
}
