//! [`ReportSender`]: sends the reports of a call, such as progress, to the platform before the call's reply.

use std::borrow::Cow;
use std::task::{self, Poll, ready};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::tool::{Context, LogEntry, ProgressReport, ReportQueue, SharedText, UnsentReports, WantedReports};
use platools_protocol::tool_sync::{ToolLog, ToolProgress, WorkerFrame};
use platools_transport::Socket;

/// The reports of a worker's calls. Those of a call that runs wait in its context, and those of an ended call here.
#[derive(Debug)]
pub(super) struct ReportSender {
    queue: ReportQueue<Context>,
    reporting_calls: mpsc::UnboundedReceiver<Context>,
    /// The last reports of ended calls, to be sent before their replies.
    last: Vec<(SharedText, UnsentReports)>,
}

impl ReportSender {
    pub(super) fn new() -> Self {
        let (queue, reporting_calls) = ReportQueue::new();
        Self { queue, reporting_calls, last: Vec::new() }
    }

    /// The way of reports from calls to here.
    pub(super) fn queue(&self) -> &ReportQueue<Context> {
        &self.queue
    }

    /// Drops the reports that were kept for a socket, which has ended.
    pub(super) fn end(&mut self) {
        self.queue.want(WantedReports::default());
        self.last.clear();
    }

    /// Keeps the last reports of a call that ended, if there is a socket for them.
    pub(super) fn keep_last(&mut self, call_id: &SharedText, reports: Option<Box<UnsentReports>>) {
        if let Some(reports) = reports.filter(|_| self.queue.is_open()) {
            self.last.push((call_id.clone(), *reports));
        }
    }

    /// The next call that has reports. It never ends: this sender holds a queue itself.
    pub(super) fn poll_call(&mut self, cx: &mut task::Context<'_>) -> Poll<Context> {
        match ready!(self.reporting_calls.poll_recv(cx)) {
            Some(context) => Poll::Ready(context),
            None => Poll::Pending,
        }
    }

    /// Sends the last reports of ended calls, which go out before their replies.
    pub(super) fn send_last(&mut self, socket: &mut impl FrameQueue) {
        if self.last.is_empty() {
            return;
        }
        let wanted = self.queue.wanted();
        for (call_id, mut reports) in self.last.drain(..) {
            if socket.queued_bytes() > MAX_QUEUED_BYTES {
                continue;
            }
            if socket.queued_bytes() > FEW_QUEUED_BYTES {
                reports.leave_out_log();
            }
            frames(&call_id, reports, wanted).for_each(|frame| socket.queue(frame));
        }
    }

    /// Sends the reports of a call and of those behind it: each once, and no more of them than leaves room for other frames.
    pub(super) fn send_from(&mut self, first: Context, socket: &mut impl FrameQueue) {
        let wanted = self.queue.wanted();
        let (mut next, mut others) = (Some(first), self.reporting_calls.len());
        while let Some(context) = next.take() {
            // Taken also if it is no longer wanted, so that no call waits here for ever.
            if let Some(reports) = context.take_reports() {
                frames(context.call_id(), reports, wanted).for_each(|frame| socket.queue(frame));
            }
            if others > 0 && socket.queued_bytes() <= FEW_QUEUED_BYTES {
                others -= 1;
                next = self.reporting_calls.try_recv().ok();
            }
        }
    }
}

/// A queue of frames to be written: that of a [`Socket`].
pub(super) trait FrameQueue {
    fn queue(&mut self, frame: Utf8Bytes);
    fn queued_bytes(&self) -> usize;
}

impl FrameQueue for Socket {
    fn queue(&mut self, frame: Utf8Bytes) {
        Self::queue(self, frame);
    }

    fn queued_bytes(&self) -> usize {
        Self::queued_bytes(self)
    }
}

/// Past so many queued bytes, other calls wait, and of calls that end only progress is sent.
const FEW_QUEUED_BYTES: usize = 128 * 1024;

/// Past so many queued bytes, the last reports of calls are left out.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// The reports of a call as frames, as far as the platform takes them.
fn frames(call_id: &str, reports: UnsentReports, wanted: WantedReports) -> impl Iterator<Item = Utf8Bytes> {
    let (progress, log) = reports.into_parts();
    let progress = progress.filter(|_| wanted.progress).map(|ProgressReport { done, total, message }| {
        let mut progress = ToolProgress::new(call_id, done);
        progress.total = total;
        progress.message = message.map(Cow::Owned);
        WorkerFrame::ToolProgress(progress)
    });
    let log = log
        .filter(move |_| wanted.log)
        .map(|LogEntry { level, message }| WorkerFrame::ToolLog(ToolLog::new(call_id, level, message)));
    progress.into_iter().chain(log).map(|frame| frame.to_text().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Params;
    use platools_protocol::LogLevel;

    /// The frames that were queued, and bytes that were queued before.
    #[derive(Default)]
    struct Queued(Vec<Utf8Bytes>, usize);

    impl FrameQueue for Queued {
        fn queue(&mut self, frame: Utf8Bytes) {
            self.0.push(frame);
        }

        fn queued_bytes(&self) -> usize {
            self.1 + self.0.iter().map(|frame| frame.len()).sum::<usize>()
        }
    }

    fn call(sender: &ReportSender) -> Context {
        let context = Context::reporting("c".into(), Params::from("{}".to_owned()), sender.queue().clone());
        context.progress(1.0).send();
        context.log(LogLevel::Info, "a line");
        context
    }

    #[test]
    fn of_an_ended_call_less_is_sent_the_more_waits_to_be_written() {
        for (before, frames) in [(0, 2), (FEW_QUEUED_BYTES + 1, 2), (MAX_QUEUED_BYTES + 1, 0)] {
            let (mut sender, mut queued) = (ReportSender::new(), Queued(Vec::new(), before));
            sender.queue().want(WantedReports { progress: true, log: true });
            sender.keep_last(&"c".into(), call(&sender).take_last_reports());
            sender.send_last(&mut queued);
            assert_eq!(queued.0.len(), frames, "after {before} bytes");
            let has_line = queued.0.iter().any(|frame| frame.contains("a line"));
            assert_eq!(has_line, before == 0, "the second frame says that a line was left out");
        }
    }

    #[test]
    fn calls_wait_while_others_fill_the_socket_and_none_is_sent_that_is_not_wanted() {
        let (mut sender, mut queued) = (ReportSender::new(), Queued::default());
        sender.queue().want(WantedReports { progress: true, log: false });
        let calls = [call(&sender), call(&sender)];
        let first = sender.reporting_calls.try_recv().expect("both have reports");
        queued.1 = FEW_QUEUED_BYTES + 1;
        sender.send_from(first, &mut queued);
        assert_eq!((queued.0.len(), sender.reporting_calls.len()), (1, 1));
        drop(calls);
        sender.end();
        sender.keep_last(&"c".into(), call(&sender).take_last_reports());
        sender.send_last(&mut queued);
        assert_eq!(queued.0.len(), 1, "there is no socket for them");
    }
}
