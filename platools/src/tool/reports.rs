//! [`CallReports`]: keeps the reports of one running call until they are sent. [`ReportQueue`] tells the link which calls have reports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::report::{LogEntry, ProgressReport};
#[cfg(feature = "testing")]
use super::report_recorder::{RecordedReport, ReportRecorder};

/// Reports of one call that are not sent yet, behind a lock.
#[derive(Debug, Default)]
pub(super) struct CallReports {
    state: Mutex<ReportState>,
    /// True if there is something to take. Most calls report nothing, and their end looks here only.
    is_filled: AtomicBool,
    #[cfg(feature = "testing")]
    recorder: Option<ReportRecorder>,
}

impl CallReports {
    /// Reports that a test also gets, each of them.
    #[cfg(feature = "testing")]
    pub(super) fn recorded(recorder: ReportRecorder) -> Self {
        Self { recorder: Some(recorder), ..Self::default() }
    }

    /// Keeps progress that goes beyond the last. Returns true if nothing was kept before.
    pub(super) fn put_progress(&self, report: ProgressReport) -> bool {
        let mut state = self.lock();
        let grows = state.done.is_none_or(|done| report.done > done);
        if !report.done.is_finite() || !grows {
            return false;
        }
        state.done = Some(report.done);
        #[cfg(feature = "testing")]
        self.record(|| RecordedReport::Progress(report.clone()));
        self.is_filled.store(true, Ordering::Release);
        state.keep(|unsent| unsent.progress = Some(report))
    }

    /// Keeps an entry of the log; where there is no room, in the place of a less severe one. Returns true if nothing was kept before.
    pub(super) fn put_entry(&self, entry: LogEntry) -> bool {
        let mut state = self.lock();
        #[cfg(feature = "testing")]
        self.record(|| RecordedReport::Log(entry.clone()));
        self.is_filled.store(true, Ordering::Release);
        state.keep(|unsent| unsent.put_entry(entry))
    }

    pub(super) fn take(&self) -> Option<Box<UnsentReports>> {
        if !self.is_filled.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.lock();
        self.is_filled.store(false, Ordering::Release);
        state.unsent.take()
    }

    #[cfg(feature = "testing")]
    fn record(&self, report: impl FnOnce() -> RecordedReport) {
        if let Some(recorder) = &self.recorder {
            recorder.record(report());
        }
    }

    fn lock(&self) -> MutexGuard<'_, ReportState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct ReportState {
    /// Boxed, so that calls without reports are small.
    unsent: Option<Box<UnsentReports>>,
    /// Progress of the last report; `None` before the first one.
    done: Option<f64>,
}

impl ReportState {
    fn keep(&mut self, change: impl FnOnce(&mut UnsentReports)) -> bool {
        let is_first = self.unsent.is_none();
        change(self.unsent.get_or_insert_default());
        is_first
    }
}

/// Reports of a call that are not sent yet.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct UnsentReports {
    /// The latest progress.
    pub(crate) progress: Option<ProgressReport>,
    /// The log since it was last taken.
    pub(crate) log: Vec<LogEntry>,
    /// The number of entries without room.
    pub(crate) left_out: usize,
}

impl UnsentReports {
    fn put_entry(&mut self, entry: LogEntry) {
        if self.log.len() == MAX_ENTRIES {
            self.left_out += 1;
            // A caller that wants only severe entries must not miss them for others.
            let Some(lesser) = self.log.iter().position(|kept| kept.level < entry.level) else { return };
            self.log.remove(lesser);
        }
        self.log.push(entry);
    }

    /// The latest progress, and the log with an entry about those that are missing.
    pub(crate) fn into_parts(self) -> (Option<ProgressReport>, impl Iterator<Item = LogEntry>) {
        let left_out = (self.left_out > 0).then(|| LogEntry::left_out(self.left_out));
        (self.progress, self.log.into_iter().chain(left_out))
    }

    /// Drops the log, and counts its entries as left out.
    pub(crate) fn leave_out_log(&mut self) {
        self.left_out += self.log.len();
        self.log.clear();
    }
}

/// Kinds of reports that the platform takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WantedReports {
    pub(crate) progress: bool,
    pub(crate) log: bool,
}

/// Queue of the calls of one worker that have reports to send; `C` is the context of a call. Clones share it.
#[derive(Debug)]
pub(crate) struct ReportQueue<C>(Arc<SharedQueue<C>>);

#[derive(Debug)]
struct SharedQueue<C> {
    // Read before each report is made, so that one in vain costs nothing else.
    progress: AtomicBool,
    log: AtomicBool,
    // Unbounded, but a call is in it once at most, until its reports are taken.
    calls: mpsc::UnboundedSender<C>,
}

impl<C> ReportQueue<C> {
    /// A queue that takes no reports yet, and its receiver.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<C>) {
        let (calls, receiver) = mpsc::unbounded_channel();
        (Self(Arc::new(SharedQueue { progress: AtomicBool::new(false), log: AtomicBool::new(false), calls })), receiver)
    }

    /// Takes these reports from now on, and no others.
    pub(crate) fn want(&self, wanted: WantedReports) {
        self.0.progress.store(wanted.progress, Ordering::Relaxed);
        self.0.log.store(wanted.log, Ordering::Relaxed);
    }

    /// The kinds of reports that are taken at present.
    pub(crate) fn wanted(&self) -> WantedReports {
        WantedReports { progress: self.0.progress.load(Ordering::Relaxed), log: self.0.log.load(Ordering::Relaxed) }
    }

    /// Returns true if any kind of report is taken at present.
    pub(crate) fn is_open(&self) -> bool {
        self.wanted() != WantedReports::default()
    }

    /// Adds a call that has reports.
    pub(super) fn push(&self, call: C) {
        // The receiver is gone once the worker is, and then the reports are of no use.
        let _ = self.0.calls.send(call);
    }
}

impl<C> Clone for ReportQueue<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Entries of a call's log that wait to be sent; further ones are counted and left out.
const MAX_ENTRIES: usize = 64;

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Context, Params};
    use super::*;
    use platools_protocol::LogLevel;

    type Reporting = (Context, ReportQueue<Context>, mpsc::UnboundedReceiver<Context>);

    /// A call of which these reports are wanted, with its queue.
    pub(in crate::tool) fn call(progress: bool, log: bool) -> Reporting {
        let (queue, reporting_calls) = ReportQueue::new();
        queue.want(WantedReports { progress, log });
        (Context::reporting("c".into(), Params::from("{}".to_owned()), queue.clone()), queue, reporting_calls)
    }

    #[test]
    fn a_call_is_announced_once_whatever_it_says() {
        let (ctx, _queue, mut reporting_calls) = call(true, true);
        ctx.progress(1.0).send();
        ctx.log(LogLevel::Info, "one");
        ctx.log(LogLevel::Info, "two");
        let announced = reporting_calls.try_recv().expect("there is something");
        assert!(reporting_calls.try_recv().is_err());
        let reports = announced.take_reports().expect("it is kept");
        assert_eq!((reports.progress.map(|report| report.done), reports.log.len()), (Some(1.0), 2));
        assert_eq!(announced.take_reports(), None);
        ctx.log(LogLevel::Info, "three");
        assert!(reporting_calls.try_recv().is_ok());
    }

    #[test]
    fn nothing_is_kept_where_nobody_asks_or_when_the_call_is_over() {
        let (ctx, queue, mut reporting_calls) = call(false, false);
        ctx.progress(1.0).send();
        ctx.log(LogLevel::Info, "one");
        assert!(reporting_calls.try_recv().is_err());
        queue.want(WantedReports { progress: false, log: true });
        ctx.progress(2.0).send();
        assert!(reporting_calls.try_recv().is_err());
        ctx.log(LogLevel::Info, "two");
        ctx.call_state().end();
        ctx.log(LogLevel::Info, "three");
        assert!(reporting_calls.try_recv().expect("it was offered in time").take_reports().is_none());
        assert!(reporting_calls.try_recv().is_err());
        assert_eq!(ctx.take_last_reports().expect("it was made before the end").log.len(), 1);
        assert!(ctx.take_last_reports().is_none());
    }

    #[test]
    fn a_log_that_nobody_takes_is_bounded() {
        let (ctx, _queue, _calls) = call(true, true);
        (0..100).for_each(|number| ctx.log(LogLevel::Debug, number.to_string()));
        let reports = ctx.take_reports().expect("it is kept");
        assert_eq!((reports.log.len(), reports.left_out, &*reports.log[63].message), (64, 36, "63"));
        (0..100).for_each(|number| ctx.log(LogLevel::Debug, number.to_string()));
        ctx.log(LogLevel::Error, "what matters");
        let mut reports = ctx.take_reports().expect("it is kept");
        assert_eq!((reports.log.len(), reports.left_out, &*reports.log[63].message), (64, 37, "what matters"));
        reports.leave_out_log();
        assert_eq!((reports.log.len(), reports.left_out), (0, 101));
    }
}
