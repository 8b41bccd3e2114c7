//! [`TestContext`]: stands in for the context of a call, for tests that call a tool's function directly.

use std::ops::Deref;

use serde::Serialize;
use serde_json::json;

use super::caller::TestCaller;
use super::report::TestReport;
use crate::tool::{Context, Params, ReportRecorder, ToolError};

/// A [`Context`] without a call. `&TestContext` may be passed for `&Context`.
///
/// ```
/// use platools::testing::{TestCaller, TestContext, TestReport};
/// use platools::{Context, LogLevel, tool};
///
/// /// Count the lines of a text.
/// #[tool]
/// async fn count(text: &str, ctx: &Context) -> usize {
///     ctx.log(LogLevel::Info, "counting");
///     text.lines().count()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let ctx = TestContext::new(TestCaller::anonymous());
/// assert_eq!(count("a\nb", &ctx).await, 2);
/// assert_eq!(ctx.reports(), [TestReport::Log { level: LogLevel::Info, message: "counting".to_owned() }]);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TestContext {
    context: Context,
    recorder: ReportRecorder,
}

impl TestContext {
    /// The context of a call of this caller, without arguments.
    ///
    /// # Panics
    /// Never: no arguments are valid.
    #[must_use]
    pub fn new(caller: TestCaller) -> Self {
        Self::with_arguments(caller, json!({})).expect("no arguments are an object")
    }

    /// The context of a call of this caller with these arguments, which [`Context::arguments`] returns.
    ///
    /// # Errors
    /// The arguments do not serialize, or to something that is no object.
    pub fn with_arguments(caller: TestCaller, arguments: impl Serialize) -> Result<Self, ToolError> {
        Ok(Self::of_params(caller.params(&arguments)?))
    }

    pub(super) fn of_params(params: Params) -> Self {
        let recorder = ReportRecorder::default();
        Self { context: Context::recorded(params, recorder.clone()), recorder }
    }

    /// The context itself.
    pub(super) fn call_context(&self) -> Context {
        self.context.clone()
    }

    /// Cancels the call: [`Context::cancelled`] returns, and [`Context::is_cancelled`] is true.
    pub fn cancel(&self) {
        self.context.call_state().cancel();
    }

    /// Every report that was made with this context, in order.
    #[must_use]
    pub fn reports(&self) -> Vec<TestReport> {
        TestReport::all(&self.recorder)
    }
}

impl Deref for TestContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_test_cancels_its_context() {
        let ctx = TestContext::new(TestCaller::anonymous());
        assert!(!ctx.is_cancelled());
        ctx.cancel();
        ctx.cancelled().await;
        assert!(ctx.is_cancelled());
    }

    #[test]
    fn arguments_come_without_the_envelopes() {
        let ctx = TestContext::with_arguments(TestCaller::user("ann"), json!({ "a": 1 })).expect("an object");
        assert_eq!(ctx.arguments::<serde_json::Value>().expect("an object"), json!({ "a": 1 }));
        assert!(TestContext::with_arguments(TestCaller::user("ann"), [1]).is_err());
    }

    #[test]
    fn every_report_is_recorded_and_a_progress_that_goes_back_is_none() {
        let ctx = TestContext::new(TestCaller::anonymous());
        for done in [1.0, 2.0, 1.0] {
            ctx.progress(done).send();
        }
        let progress = |done| TestReport::Progress { done, total: None, message: None };
        assert_eq!(ctx.reports(), [progress(1.0), progress(2.0)]);
    }
}
