//! Conversion of a function's return value into a result or a failure.
//!
//! A tool may return a plain value or a `Result`, and a `Result`'s error may be a [`ToolError`], anything that becomes one, or
//! anything that can be displayed. Traits alone cannot tell these apart (`Result` itself can be serialized, and an error can
//! be displayed), so the expansion of `#[tool]` picks by method resolution: of methods with one name, the one that needs
//! the fewest references wins.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::error::{IntoToolError, ToolError};
use super::output::Output;
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

/// Values that a tool may return: they have a schema and can be written as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a tool",
    label = "a result is written as JSON and described by a schema",
    note = "derive what is missing of `serde::Serialize` and `schemars::JsonSchema` for `{Self}`",
    note = "`#[tool(no_output_schema)]` returns a type without `JsonSchema`, and `#[tool(output_schema_with = function)]` one that a function describes"
)]
pub trait ToolResult: Serialize + JsonSchema {}
impl<T: Serialize + JsonSchema + ?Sized> ToolResult for T {}

/// A value that a tool may return if it declares no schema of it, or one from a function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a tool",
    label = "a result is written as JSON",
    note = "derive `serde::Serialize` for `{Self}`, or return a type that has it"
)]
pub trait UndescribedResult: Serialize {}
impl<T: Serialize + ?Sized> UndescribedResult for T {}

/// The schema of a success value, and how it is written. Both are settled where the kind of return is picked, so that a type
/// that cannot be returned is one compile error and not one for each use.
struct Success<T> {
    schema: fn() -> Option<Value>,
    write: fn(Output, &T) -> Result<Output, ToolError>,
}

impl<T: ToolResult> Success<T> {
    fn new() -> Self {
        Self { schema: schema::output_schema::<T>, write: Output::write::<T> }
    }
}

impl<T: UndescribedResult> Success<T> {
    fn undescribed() -> Self {
        Self { schema: || None, write: Output::write::<T> }
    }
}

/// The function returns a `Result`.
pub struct Fallible<T>(Success<T>);

/// The function returns a plain value.
pub struct Plain<T>(Success<T>);

/// Chosen first, for `Result`s.
pub trait FallibleReturn<T> {
    /// The kind of return.
    fn kind_of_return(&self) -> Fallible<T>
    where
        T: ToolResult,
    {
        Fallible(Success::new())
    }

    /// The kind of return of a tool that takes no schema from its type.
    fn kind_of_undescribed_return(&self) -> Fallible<T>
    where
        T: UndescribedResult,
    {
        Fallible(Success::undescribed())
    }
}
impl<T, E> FallibleReturn<T> for Returned<Result<T, E>> {}

/// Chosen for futures, which no tool returns.
pub trait FutureReturn<T> {
    /// The kind of return.
    fn kind_of_return(&self) -> Plain<T>
    where
        T: AwaitedResult,
    {
        Plain(Success { schema: || None, write: |output, _| Ok(output) })
    }

    /// The kind of return of a tool that takes no schema from its type.
    fn kind_of_undescribed_return(&self) -> Plain<T>
    where
        T: AwaitedResult,
    {
        FutureReturn::kind_of_return(self)
    }
}
impl<T: Future> FutureReturn<T> for Returned<T> {}

/// A result that a tool has awaited itself. No future implements it: it is asked for where a tool returns one.
#[diagnostic::on_unimplemented(
    message = "a tool returns its result, and not a future of it; write it as an `async fn`",
    label = "this is a future",
    note = "the `async fn` returns what the future gives, and awaits a future that it gets from elsewhere"
)]
pub trait AwaitedResult {}

/// Chosen for everything else.
pub trait PlainReturn<T> {
    /// The kind of return.
    fn kind_of_return(&self) -> Plain<T>
    where
        T: ToolResult,
    {
        Plain(Success::new())
    }

    /// The kind of return of a tool that takes no schema from its type.
    fn kind_of_undescribed_return(&self) -> Plain<T>
    where
        T: UndescribedResult,
    {
        Plain(Success::undescribed())
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

macro_rules! success {
    ($($kind:ident)*) => {$(
        impl<T> $kind<T> {
            /// The schema of the success value; `None` for `()` and for values of any shape.
            pub fn output_schema(&self) -> Option<Value> {
                (self.0.schema)()
            }

            /// Writes the success value.
            ///
            /// # Errors
            /// As for [`Output::write`].
            pub fn write(&self, output: Output, value: &T) -> Result<Output, ToolError> {
                (self.0.write)(output, value)
            }
        }

        impl<T> fmt::Debug for $kind<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($kind))
            }
        }
    )*};
}
success!(Fallible Plain);

/// Holds a function's error while the way to turn it into a [`ToolError`] is picked.
#[derive(Debug)]
pub struct ErrorOf<E>(pub Option<E>);

impl<E> ErrorOf<E> {
    fn take(&mut self) -> E {
        self.0.take().expect("an error is converted once")
    }
}

/// Chosen first: the author said how, with [`IntoToolError`].
pub trait IntoToolErrorByAuthor {
    /// The failure.
    fn tool_error(&mut self) -> ToolError;
}
impl<E: IntoToolError> IntoToolErrorByAuthor for &mut &mut &mut ErrorOf<E> {
    fn tool_error(&mut self) -> ToolError {
        self.take().into_tool_error()
    }
}

/// Chosen second: everything that `?` converts, which is a `ToolError` itself, an error type, a string or a boxed error, and types
/// whose author implemented `From<E> for ToolError`.
pub trait IntoToolErrorFromInto {
    /// The failure.
    fn tool_error(&mut self) -> ToolError;
}
impl<E: Into<ToolError>> IntoToolErrorFromInto for &mut &mut ErrorOf<E> {
    fn tool_error(&mut self) -> ToolError {
        self.take().into()
    }
}

/// Chosen third: anything else that can be displayed, such as a report that is no boxed error. What its alternate form adds (reports list
/// their causes in it) counts as the source.
pub trait IntoToolErrorFromDisplay {
    /// The failure.
    fn tool_error(&mut self) -> ToolError;
}
impl<E: Display> IntoToolErrorFromDisplay for &mut ErrorOf<E> {
    fn tool_error(&mut self) -> ToolError {
        let error = self.take();
        let (message, with_causes) = (error.to_string(), format!("{error:#}"));
        let failure = ToolError::new(message);
        if with_causes == failure.message() { failure } else { failure.with_source(with_causes) }
    }
}

/// Chosen last, for an error nothing can be made of: says so, in place of the compiler's account of the search.
pub trait IntoToolErrorFromNothing<E> {
    /// Never called.
    fn tool_error(&mut self) -> ToolError
    where
        E: ToolFailure,
    {
        ToolError::new("an error of unknown kind")
    }
}
impl<E> IntoToolErrorFromNothing<E> for ErrorOf<E> {}

/// An error that a tool may return. Nothing implements it: it is asked for where every way to convert an error failed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a tool's error",
    label = "no way to turn this error into a `ToolError`",
    note = "implement `std::error::Error + Send + Sync + 'static`, `Display` or `platools::tool::IntoToolError` for `{Self}`"
)]
pub trait ToolFailure {}
