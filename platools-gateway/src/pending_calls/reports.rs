//! [`Reports`]: the progress and log entries of one running call, for its caller.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use platools::LogLevel;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

/// The number of log entries of a call that wait for its caller; further ones are left out.
const MAX_ENTRIES: usize = 256;

/// Progress or a log entry of a running tool. `Debug` shows the length of its words only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Progress of the call.
    Progress(Progress),
    /// An entry of the call's log.
    Log(LogEntry),
}

/// Progress of a call, in the worker's own words.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Grows from one to the next, in whatever unit the tool chooses.
    pub progress: f64,
    /// The whole, if it is known.
    pub total: Option<f64>,
    /// The present step.
    pub message: Option<String>,
}

/// An entry of a call's log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The severity.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}

/// The sending end of the reports of one call.
#[derive(Debug, Clone)]
pub struct ReportSender {
    progress: watch::Sender<Option<Progress>>,
    log: mpsc::Sender<LogEntry>,
    left_out: Arc<AtomicUsize>,
}

/// The reports of one call: of its progress the latest, of its log every entry as long as its caller keeps up.
#[derive(Debug)]
pub struct Reports {
    progress: watch::Receiver<Option<Progress>>,
    log: mpsc::Receiver<LogEntry>,
    left_out: Arc<AtomicUsize>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { progress, total, message } = self;
        let bytes = message.as_deref().map(str::len);
        f.debug_struct("Progress")
            .field("progress", progress)
            .field("total", total)
            .field("message_bytes", &bytes)
            .finish()
    }
}

impl fmt::Debug for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, message } = self;
        f.debug_struct("LogEntry").field("level", level).field("message_bytes", &message.len()).finish()
    }
}

impl Reports {
    /// The two ends for a call that is about to be made.
    #[must_use]
    pub fn new() -> (ReportSender, Self) {
        let (progress, latest) = watch::channel(None);
        let (log, entries) = mpsc::channel(MAX_ENTRIES);
        let left_out = Arc::<AtomicUsize>::default();
        let report_sender = ReportSender { progress, log, left_out: Arc::clone(&left_out) };
        (report_sender, Self { progress: latest, log: entries, left_out })
    }

    /// Waits for the next report; for ever, if there will be none. Cancel-safe.
    pub async fn next(&mut self) -> Report {
        tokio::select! {
            Some(entry) = self.log.recv() => Report::Log(entry),
            Ok(Some(progress)) = next_of(&mut self.progress) => Report::Progress(progress),
            else => pending().await,
        }
    }

    /// The reports that are not taken yet, and the number of log entries that were left out. Everything that a tool says before its answer
    /// is in here once the answer is there.
    pub fn rest(&mut self) -> Vec<Report> {
        let mut rest: Vec<_> = std::iter::from_fn(|| self.log.try_recv().ok()).map(Report::Log).collect();
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            let message = format!("{left_out} entries of the log were left out: they came faster than they were taken");
            rest.push(Report::Log(LogEntry { level: LogLevel::Warning, message }));
        }
        if let Some(Ok(Some(progress))) = next_of(&mut self.progress).now_or_never() {
            rest.push(Report::Progress(progress));
        }
        rest
    }
}

async fn next_of(
    progress: &mut watch::Receiver<Option<Progress>>,
) -> Result<Option<Progress>, watch::error::RecvError> {
    progress.changed().await?;
    Ok(progress.borrow_and_update().clone())
}

impl ReportSender {
    pub(crate) fn tell(&self, report: Report) {
        match report {
            Report::Progress(progress) => drop(self.progress.send_replace(Some(progress))),
            Report::Log(entry) => {
                if self.log.try_send(entry).is_err() {
                    self.left_out.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(progress: f64) -> Report {
        Report::Progress(Progress { progress, total: None, message: None })
    }

    fn entry(message: &str) -> Report {
        Report::Log(LogEntry { level: LogLevel::Info, message: message.to_owned() })
    }

    #[tokio::test]
    async fn of_progress_the_latest_comes_and_of_the_log_everything() {
        let (report_sender, mut reports) = Reports::new();
        for report in [progress(1.0), entry("one"), progress(2.0), entry("two")] {
            report_sender.tell(report);
        }
        let next = [reports.next().await, reports.next().await, reports.next().await];
        let (progressed, logged): (Vec<_>, Vec<_>) =
            next.into_iter().partition(|report| matches!(report, Report::Progress(_)));
        assert_eq!((progressed, logged), (vec![progress(2.0)], vec![entry("one"), entry("two")]));
        assert!(reports.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn the_rest_is_there_when_nobody_reports_any_more() {
        let (report_sender, mut reports) = Reports::new();
        report_sender.tell(entry("one"));
        report_sender.tell(progress(1.0));
        drop(report_sender);
        assert_eq!(reports.rest().len(), 2);
        assert_eq!(reports.rest(), []);
        assert!(reports.next().now_or_never().is_none());
    }

    #[test]
    fn a_caller_that_does_not_keep_up_misses_entries_and_is_told_how_many() {
        let (report_sender, mut reports) = Reports::new();
        (0..1000).for_each(|number| report_sender.tell(entry(&number.to_string())));
        let rest = reports.rest();
        assert_eq!(rest.len(), MAX_ENTRIES + 1);
        let Report::Log(last) = &rest[MAX_ENTRIES] else { panic!("{rest:?}") };
        assert!(last.level == LogLevel::Warning && last.message.starts_with("744 entries"), "{}", last.message);
        assert_eq!(reports.rest(), []);
    }

    #[test]
    fn debug_shows_no_words() {
        let shown = format!(
            "{:?}",
            [
                entry("hunter2"),
                Report::Progress(Progress { progress: 1.0, total: None, message: Some("hunter2".to_owned()) })
            ]
        );
        assert!(shown.contains("message_bytes: 7") && !shown.contains("hunter2"), "{shown}");
    }
}
