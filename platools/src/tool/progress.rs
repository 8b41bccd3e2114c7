//! How far a call is, on its way to the platform.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::context::Context;
use crate::text::cut;

/// Messages are cut here: they are to be shown, not to carry data.
const MAX_MESSAGE_BYTES: usize = 1024;

/// How far a call is, to be told to its caller. Made by [`Context::progress`].
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
#[must_use = "nothing is told until `send`"]
pub struct Progress<'a> {
    context: &'a Context,
    report: Report,
}

impl<'a> Progress<'a> {
    pub(super) fn new(context: &'a Context, done: f64) -> Self {
        Self { context, report: Report { done, total: None, message: None } }
    }

    /// How much there is to do, in the unit of what is done. Default: unknown.
    pub fn total(mut self, total: f64) -> Self {
        self.report.total = total.is_finite().then_some(total);
        self
    }

    /// What is being done, for whoever watches; cut to 1,024 bytes. Default: none.
    pub fn message(mut self, message: impl AsRef<str>) -> Self {
        self.report.message = Some(cut(message.as_ref(), MAX_MESSAGE_BYTES).to_owned());
        self
    }

    /// Tells it, if anybody wants to know. Never waits and never fails.
    ///
    /// Of reports made faster than the socket takes them only the latest travels, so a report may be made as often as there
    /// is something to say. One that does not say more than the one before it is left out, and so is one made when the call
    /// is over.
    pub fn send(self) {
        self.context.report(self.report);
    }
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { done, total, message: _ } = &self.report;
        f.debug_struct("Progress").field("done", done).field("total", total).finish_non_exhaustive()
    }
}

impl Context {
    /// Tells the caller how far the call is, in whatever unit the tool chooses; it has to grow from one report to the next.
    ///
    /// It reaches platforms that know of progress and is left out for others, so a tool may report whoever calls it. See
    /// [`Progress`] for what else a report can say, and an example.
    pub fn progress(&self, done: f64) -> Progress<'_> {
        Progress::new(self, done)
    }

    /// Keeps a report until it can be sent.
    fn report(&self, report: Report) {
        let Some(outlet) = self.0.outlet.as_ref().filter(|outlet| outlet.is_open()) else { return };
        if !self.0.life.is_over() && self.0.report.put(report) {
            outlet.offer(self);
        }
    }

    /// The report that is to be sent now; none once the call is over.
    pub(crate) fn take_report(&self) -> Option<Report> {
        let report = self.0.report.take();
        report.filter(|_| !self.0.life.is_over())
    }

    /// The report that was made before the call was over and is not on its way yet, for whoever can still send it before the
    /// call's answer.
    #[cfg(feature = "serve")]
    pub(crate) fn take_last_report(&self) -> Option<Report> {
        self.0.report.take()
    }
}

/// What one report says.
#[derive(Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) done: f64,
    pub(crate) total: Option<f64>,
    pub(crate) message: Option<String>,
}

/// The latest report of one call that is not on its way yet.
#[derive(Default)]
pub(super) struct Slot(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    /// Boxed, so that calls that report nothing are small.
    unsent: Option<Box<Report>>,
    /// How much was said to be done; `None` before the first report.
    done: Option<f64>,
}

impl Slot {
    /// Keeps a report, if it says more than the one before. Tells whether nothing was kept before it.
    pub(super) fn put(&self, report: Report) -> bool {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grows = latest.done.is_none_or(|done| report.done > done);
        if !report.done.is_finite() || !grows {
            return false;
        }
        latest.done = Some(report.done);
        latest.unsent.replace(Box::new(report)).is_none()
    }

    /// The report that is to be sent now.
    pub(super) fn take(&self) -> Option<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unsent.take().map(|report| *report)
    }
}

/// Where the calls of one worker say that they have something to report.
#[derive(Debug, Clone)]
pub(crate) struct Outlet(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Whether somebody takes reports; read by every report, so that those in vain cost nothing else.
    open: AtomicBool,
    // Unbounded, but a call stands in it once at most, until its report is taken.
    reporting: mpsc::UnboundedSender<Context>,
}

impl Outlet {
    /// An outlet that is closed, and where the calls come out whose reports are to be taken.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Context>) {
        let (reporting, receiver) = mpsc::unbounded_channel();
        (Self(Arc::new(Shared { open: AtomicBool::new(false), reporting })), receiver)
    }

    /// From now on reports are taken.
    pub(crate) fn open(&self) {
        self.0.open.store(true, Ordering::Relaxed);
    }

    /// From now on reports are left out.
    pub(crate) fn close(&self) {
        self.0.open.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Relaxed)
    }

    /// A call has a report.
    pub(super) fn offer(&self, context: &Context) {
        // Nobody listens once the worker is gone.
        let _ = self.0.reporting.send(context.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::Params;
    use super::*;

    fn call(outlet: &Outlet) -> Context {
        Context::reporting("c".into(), Params::from("{}".to_owned()), outlet.clone())
    }

    #[test]
    fn of_many_reports_the_latest_travels_and_the_call_is_announced_once() {
        let (outlet, mut reporting) = Outlet::new();
        outlet.open();
        let ctx = call(&outlet);
        (1..=1000).for_each(|done| ctx.progress(f64::from(done)).total(2000.0).message(done.to_string()).send());
        let announced = reporting.try_recv().expect("there is a report");
        let latest = Report { done: 1000.0, total: Some(2000.0), message: Some("1000".to_owned()) };
        assert!(announced.take_report() == Some(latest));
        assert!(reporting.try_recv().is_err() && announced.take_report().is_none());
        ctx.progress(1001.0).send();
        assert_eq!(reporting.try_recv().expect("a new one").take_report().map(|report| report.done), Some(1001.0));
    }

    #[test]
    fn progress_grows() {
        let (outlet, mut reporting) = Outlet::new();
        outlet.open();
        let ctx = call(&outlet);
        for done in [-1.0, f64::NAN, f64::INFINITY, 2.0, 2.0, 1.0] {
            ctx.progress(done).total(f64::NAN).send();
        }
        let report = reporting.try_recv().expect("there is a report").take_report().expect("it is kept");
        assert_eq!((report.done, report.total), (2.0, None));
    }

    #[test]
    fn nothing_is_kept_where_nobody_asks_or_when_the_call_is_over() {
        let (outlet, mut reporting) = Outlet::new();
        let ctx = call(&outlet);
        ctx.progress(1.0).send();
        assert!(reporting.try_recv().is_err());
        outlet.open();
        ctx.progress(2.0).send();
        ctx.end();
        assert!(reporting.try_recv().expect("it was offered in time").take_report().is_none());
        ctx.progress(3.0).send();
        assert!(reporting.try_recv().is_err());
    }

    #[cfg(feature = "serve")]
    #[test]
    fn the_last_report_of_a_call_can_be_had_when_it_is_over() {
        let (outlet, _reporting) = Outlet::new();
        outlet.open();
        let ctx = call(&outlet);
        ctx.progress(1.0).send();
        ctx.end();
        ctx.progress(2.0).send();
        assert_eq!(ctx.take_last_report().map(|report| report.done), Some(1.0));
        assert!(ctx.take_last_report().is_none());
    }

    #[test]
    fn a_long_message_is_cut_and_stays_out_of_debug() {
        let ctx = Context::new("c".into(), Params::from("{}".to_owned()));
        let progress = ctx.progress(1.0).message("é".repeat(1000));
        assert_eq!(progress.report.message.as_deref().map(str::len), Some(MAX_MESSAGE_BYTES));
        assert!(!format!("{progress:?}").contains('é'));
    }
}
