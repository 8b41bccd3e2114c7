//! [`TypedHandler`]: runs the calls of a tool that `#[tool]` made. It decodes the arguments and runs the function, which is its
//! [`ToolBody`].

use std::fmt;
use std::sync::Arc;

use super::arguments::{Decoder, Parameters, Policy};
use super::context::Context;
use super::error::ToolError;
use super::handler::{Handler, HandlerFuture};
use super::output::Output;

/// The typed function behind a tool, with whatever it borrows.
pub trait ToolBody: Send + Sync + 'static {
    /// The types of its arguments, as a nested pair.
    type Values;

    /// Runs the function and writes what it returns.
    fn run(
        &self,
        values: Self::Values,
        context: &Context,
        output: Output,
    ) -> impl Future<Output = Result<Output, ToolError>> + Send;
}

/// Asks that a call can move between threads while it waits. Whatever an async function holds across an `.await` must be `Send`.
pub fn a_tools_future_must_be_send<F: Future + Send>(future: F) -> impl Future<Output = F::Output> + Send {
    future
}

/// Decodes a call's arguments and runs the function with them.
pub struct TypedHandler<P, B> {
    decoder: Decoder<P>,
    body: B,
}

impl<P, B> TypedHandler<P, B>
where
    P: Parameters,
    B: ToolBody<Values = P::Values>,
{
    /// A handler of a tool's calls.
    pub fn handler(parameters: P, policy: Policy, body: B) -> Arc<dyn Handler> {
        Arc::new(Self { decoder: Decoder::new(parameters, policy), body })
    }
}

impl<P, B> Handler for TypedHandler<P, B>
where
    P: Parameters,
    B: ToolBody<Values = P::Values>,
{
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
        Box::pin(async move {
            let values = self.decoder.decode(context.params().as_str())?;
            self.body.run(values, &context, output).await
        })
    }
}

impl<P, B> fmt::Debug for TypedHandler<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedHandler").finish_non_exhaustive()
    }
}
