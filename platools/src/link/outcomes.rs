//! [`Outcomes`]: receives the outcomes of a worker's calls, those that the link's own thread polled and those of other threads.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use tokio::sync::mpsc;

use crate::dispatch::{LinkCalls, Outcome};

/// The outcomes of calls that ended. Those of calls that the link's own thread polled are there when the link is polled again; all others
/// come over a channel.
#[derive(Debug)]
pub(super) struct Outcomes {
    // The dispatcher holds a sender, so the channel never ends.
    channel: mpsc::UnboundedReceiver<Outcome>,
    calls: Option<LinkCalls>,
    taken: VecDeque<Outcome>,
    /// True if the last outcome came over the channel.
    last_came_over_channel: bool,
}

impl Outcomes {
    pub(super) fn new(channel: mpsc::UnboundedReceiver<Outcome>) -> Self {
        Self { channel, calls: None, taken: VecDeque::new(), last_came_over_channel: true }
    }

    /// Receives from now on also the outcomes of calls that the link's own thread polls.
    pub(super) fn use_link_calls(&mut self, calls: LinkCalls) {
        // Those of an earlier thread keep their outcomes until they are taken.
        self.take();
        self.calls = Some(calls);
    }

    /// Returns true if the link has a thread of its own.
    pub(super) fn has_link_thread(&self) -> bool {
        self.calls.is_some()
    }

    /// Returns true if the last outcome came over the channel: another thread polled its call.
    pub(super) fn last_came_over_channel(&self) -> bool {
        self.last_came_over_channel
    }

    /// The next outcome, if there is one.
    pub(super) fn try_recv(&mut self) -> Option<Outcome> {
        self.next_of_link_calls().or_else(|| self.channel.try_recv().ok())
    }

    /// Waits for the next outcome. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Outcome {
        let outcome = poll_fn(|cx| match self.next_of_link_calls() {
            Some(outcome) => Poll::Ready(Some(outcome)),
            None => self.channel.poll_recv(cx),
        });
        outcome.await.expect("the dispatcher holds a sender")
    }

    /// Lets the calls run that wait for the link's own thread.
    pub(super) async fn let_calls_run(&self) {
        if !self.calls.as_ref().is_some_and(LinkCalls::yield_to_calls) {
            return;
        }
        let mut has_yielded = false;
        // Pending without a waker: the thread polls the link again once it has polled calls.
        poll_fn(|_| if std::mem::replace(&mut has_yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Returns true if every outcome was received.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.channel.is_empty() && self.calls.as_ref().is_none_or(LinkCalls::has_no_outcome)
    }

    /// The next outcome of a call that the link's own thread polled.
    fn next_of_link_calls(&mut self) -> Option<Outcome> {
        if self.taken.is_empty() {
            self.take();
        }
        let near = self.taken.pop_front();
        self.last_came_over_channel = near.is_none();
        near
    }

    fn take(&mut self) {
        if let Some(calls) = &self.calls {
            calls.take_outcomes(&mut self.taken);
        }
    }
}
