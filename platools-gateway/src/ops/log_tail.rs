//! [`LogTail`]: keeps the last lines of the program's log, and sends new ones to its readers. `Logs` lets admins read it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::value::RawValue;
use tokio::sync::broadcast;

use crate::authority::{Action, Resource, authorize};
use crate::directory::Directory;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::lock::lock;

/// The number of lines that are kept.
pub const KEPT_LINES: usize = 1000;

/// The number of new lines that wait for each reader. With more, the reader misses the oldest.
const WAITING_LINES: usize = 256;

/// A longer line is left out.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// The last lines of a log, and those to come. Each is a JSON object; clones share them.
#[derive(Clone)]
pub struct LogTail(Arc<LogLines>);

struct LogLines {
    kept: Mutex<VecDeque<LogLine>>,
    new: broadcast::Sender<LogLine>,
}

/// A line: a JSON object.
pub type LogLine = Arc<RawValue>;

impl LogTail {
    /// A log without any lines yet.
    #[must_use]
    pub fn new() -> Self {
        let (new, _) = broadcast::channel(WAITING_LINES);
        Self(Arc::new(LogLines { kept: Mutex::default(), new }))
    }

    /// Adds a line. A line that is not a JSON object, or is longer than 16 KiB, is left out.
    pub fn add(&self, line: &str) {
        let line = line.trim();
        if line.len() > MAX_LINE_BYTES || !line.starts_with('{') {
            return;
        }
        let Ok(line) = RawValue::from_string(line.to_owned()).map(LogLine::from) else { return };
        let mut kept = self.lock();
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&line));
        // Under the lock, so that a new reader sees each line exactly once. Often nobody reads.
        let _ = self.0.new.send(line);
    }

    /// The last lines, the oldest first, and those that come after them.
    fn follow(&self, lines: usize) -> (Vec<LogLine>, broadcast::Receiver<LogLine>) {
        let kept = self.lock();
        let last = kept.iter().skip(kept.len().saturating_sub(lines)).cloned().collect();
        (last, self.0.new.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LogLine>> {
        // Every section leaves the lines whole, so a panic in another task spoils nothing.
        lock(&self.0.kept)
    }
}

impl Default for LogTail {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogTail").field("lines", &self.lock().len()).finish()
    }
}

/// The program's log, for admins of the gateway.
#[derive(Debug)]
pub(crate) struct Logs {
    tail: Option<LogTail>,
    directory: Arc<Directory>,
}

impl Logs {
    pub(crate) fn new(tail: Option<LogTail>, directory: Arc<Directory>) -> Self {
        Self { tail, directory }
    }

    /// The last lines of the log, the oldest first, and those to come.
    ///
    /// # Errors
    /// The caller is no admin of the default project, or the program that the gateway runs in keeps no log for it.
    pub(crate) fn follow(
        &self,
        caller: &Caller,
        lines: usize,
    ) -> Result<(Vec<LogLine>, broadcast::Receiver<LogLine>), Error> {
        authorize(caller, Action::Administer, Resource::Gateway(self.directory.default_project()))?;
        let none = || Error::new(ErrorKind::NotConfigured, "the program that this gateway runs in keeps no log for it");
        Ok(self.tail.as_ref().ok_or_else(none)?.follow(lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.get()).collect()
    }

    #[tokio::test]
    async fn the_last_lines_are_kept_and_later_ones_follow() {
        let tail = LogTail::new();
        for number in 0..=KEPT_LINES {
            tail.add(&format!("{{\"n\":{number}}}\n"));
        }
        let (all, _) = tail.follow(usize::MAX);
        assert_eq!((all.len(), all[0].get()), (KEPT_LINES, r#"{"n":1}"#));
        let (last, mut new) = tail.follow(2);
        assert_eq!(text(&last), [r#"{"n":999}"#, r#"{"n":1000}"#]);
        tail.add(r#"{"n":1001}"#);
        assert_eq!(new.recv().await.unwrap().get(), r#"{"n":1001}"#);
    }

    #[test]
    fn what_is_no_object_or_too_long_is_left_out() {
        let tail = LogTail::new();
        for line in ["", "text", "[1]", "{", &format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_LINE_BYTES))] {
            tail.add(line);
        }
        assert!(tail.follow(usize::MAX).0.is_empty());
    }
}
