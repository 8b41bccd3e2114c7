//! [`Progress`]: sends a report about the progress of a call to the caller. [`Context::progress`] makes it.

use std::fmt;

use super::context::Context;
use super::report::ProgressReport;
use platools_protocol::truncate::truncate;

/// A report of the progress of a call, for its caller. Made by [`Context::progress`].
///
/// ```
/// # use platools::{Context, tool};
/// /// Import the lines of a file.
/// #[tool]
/// async fn import(lines: Vec<String>, ctx: &Context) -> usize {
///     for (done, line) in lines.iter().enumerate() {
///         ctx.progress(done as f64).total(lines.len() as f64).message(line).send();
///         // Work on the line.
///     }
///     lines.len()
/// }
/// ```
#[must_use = "nothing is sent until `send`"]
pub struct Progress<'a> {
    context: &'a Context,
    report: ProgressReport,
}

impl<'a> Progress<'a> {
    pub(super) fn new(context: &'a Context, done: f64) -> Self {
        Self { context, report: ProgressReport { done, total: None, message: None } }
    }

    /// The total, in the unit of the progress. Default: unknown.
    pub fn total(mut self, total: f64) -> Self {
        self.report.total = total.is_finite().then_some(total);
        self
    }

    /// The present step, as a text for people; cut to 1,024 bytes. Default: none.
    pub fn message(mut self, message: impl AsRef<str>) -> Self {
        self.report.message = Some(truncate(message.as_ref(), MAX_MESSAGE_BYTES).to_owned());
        self
    }

    /// Sends the report, if the platform takes progress. Never waits and never fails.
    ///
    /// Of reports that are made faster than the socket takes them only the latest travels, so a tool may report as often as it
    /// likes. A report that goes no further than the last is left out, and so is one after the end of the call.
    pub fn send(self) {
        self.context.report(|wanted| wanted.progress, |reports| reports.put_progress(self.report));
    }
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("report", &self.report).finish_non_exhaustive()
    }
}

impl Context {
    /// Makes a report of the call's progress, in a unit of the tool's choice; it has to grow from one report to the next.
    ///
    /// It reaches platforms that know of progress and is left out for others, so a tool may always report. See [`Progress`] for the
    /// other parts of a report, and an example.
    pub fn progress(&self, done: f64) -> Progress<'_> {
        Progress::new(self, done)
    }
}

/// Messages are cut here: they are to be shown, not to carry data.
const MAX_MESSAGE_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::super::params::Params;
    use super::super::reports::tests::call;
    use super::*;

    #[test]
    fn of_many_reports_the_latest_travels() {
        let (ctx, _queue, _calls) = call(true, false);
        (1..=1000).for_each(|done| ctx.progress(f64::from(done)).total(2000.0).message(done.to_string()).send());
        let latest = ProgressReport { done: 1000.0, total: Some(2000.0), message: Some("1000".to_owned()) };
        assert_eq!(ctx.take_reports().and_then(|reports| reports.progress), Some(latest));
    }

    #[test]
    fn progress_grows() {
        let (ctx, _queue, _calls) = call(true, false);
        for done in [-1.0, f64::NAN, f64::INFINITY, 2.0, 2.0, 1.0] {
            ctx.progress(done).total(f64::NAN).send();
        }
        let report = ctx.take_reports().and_then(|reports| reports.progress).expect("it is kept");
        assert_eq!((report.done, report.total), (2.0, None));
    }

    #[test]
    fn a_long_message_is_cut_and_stays_out_of_debug() {
        let ctx = Context::new("c".into(), Params::from("{}".to_owned()));
        let progress = ctx.progress(1.0).message("é".repeat(1000));
        assert_eq!(progress.report.message.as_deref().map(str::len), Some(MAX_MESSAGE_BYTES));
        assert!(!format!("{progress:?}").contains('é') && !format!("{:?}", progress.report).contains('é'));
    }
}
