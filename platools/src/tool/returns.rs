//! How what a function returns becomes a result or a failure.
//!
//! A tool may return a plain value or a `Result`, and a `Result`'s error may be a [`ToolError`], any error type, or
//! anything that can be displayed. Traits alone cannot tell these apart (`Result` itself can be serialized, and an error can
//! be displayed), so the expansion of `#[tool]` picks by method resolution: of methods with one name, the one that needs
//! the fewest references wins.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde_json::Value;

use super::error::ToolError;
use super::schema;

/// Stands for the return type `R` of a function, without a value of it.
#[derive(Debug)]
pub struct Returned<R>(PhantomData<fn() -> R>);

impl<R> Returned<R> {
    /// The stand-in.
    #[expect(clippy::new_without_default, reason = "only expansions make one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The function returns a `Result`.
#[derive(Debug)]
pub struct Fallible<T>(PhantomData<fn() -> T>);

/// The function returns a plain value.
#[derive(Debug)]
pub struct Plain<T>(PhantomData<fn() -> T>);

/// Chosen first, for `Result`s.
pub trait FallibleReturn<T> {
    /// The kind of return.
    fn kind(&self) -> Fallible<T> {
        Fallible(PhantomData)
    }
}
impl<T, E> FallibleReturn<T> for Returned<Result<T, E>> {}

/// Chosen for everything else.
pub trait PlainReturn<T> {
    /// The kind of return.
    fn kind(&self) -> Plain<T> {
        Plain(PhantomData)
    }
}
impl<T> PlainReturn<T> for &Returned<T> {}

impl<T> Fallible<T> {
    /// The returned value as a `Result`.
    ///
    /// # Errors
    /// The function's own.
    pub fn split<E>(&self, returned: Result<T, E>) -> Result<T, E> {
        returned
    }
}

impl<T> Plain<T> {
    /// The returned value as a `Result` that is always `Ok`.
    ///
    /// # Errors
    /// Never.
    pub fn split(&self, returned: T) -> Result<T, Infallible> {
        Ok(returned)
    }
}

impl<T: JsonSchema> Fallible<T> {
    /// The schema of the success value; `None` for `()` and for values of any shape.
    pub fn output_schema(&self) -> Option<Value> {
        schema::output_schema::<T>()
    }
}

impl<T: JsonSchema> Plain<T> {
    /// The schema of the value; `None` for `()` and for values of any shape.
    pub fn output_schema(&self) -> Option<Value> {
        schema::output_schema::<T>()
    }
}

/// Holds a function's error while the way to turn it into a [`ToolError`] is picked.
#[derive(Debug)]
pub struct ErrorOf<E>(pub Option<E>);

impl<E> ErrorOf<E> {
    fn take(&mut self) -> E {
        self.0.take().expect("an error is converted once")
    }
}

/// Chosen first: the author said how, with `From<E> for ToolError`; a `ToolError` itself is one of these.
pub trait IntoToolErrorFromInto {
    /// The failure.
    fn into_tool_error(&mut self) -> ToolError;
}
impl<E: Into<ToolError>> IntoToolErrorFromInto for &mut &mut ErrorOf<E> {
    fn into_tool_error(&mut self) -> ToolError {
        self.take().into()
    }
}

/// Chosen second: an error type, which keeps its chain of causes.
pub trait IntoToolErrorFromError {
    /// The failure.
    fn into_tool_error(&mut self) -> ToolError;
}
impl<E: StdError + Send + Sync + 'static> IntoToolErrorFromError for &mut ErrorOf<E> {
    fn into_tool_error(&mut self) -> ToolError {
        ToolError::from_error(self.take())
    }
}

/// Chosen last: anything that can be displayed, such as a string, a boxed error or a report. What its alternate form adds
/// (reports list their causes in it) counts as the source.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot become a tool's error",
    note = "an error type needs `std::error::Error + Send + Sync + 'static`, `Display`, or `impl From<..> for ToolError`"
)]
pub trait IntoToolErrorFromDisplay {
    /// The failure.
    fn into_tool_error(&mut self) -> ToolError;
}
impl<E: Display> IntoToolErrorFromDisplay for ErrorOf<E> {
    fn into_tool_error(&mut self) -> ToolError {
        let error = self.take();
        let (message, with_causes) = (error.to_string(), format!("{error:#}"));
        let failure = ToolError::new(message);
        if with_causes == failure.message() { failure } else { failure.with_source(with_causes) }
    }
}
