//! [`WorkerCalls`]: starts, cancels and acknowledges a worker's calls as the platform's frames say. It lasts from one socket of the worker
//! to the next.

use std::collections::HashSet;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::{debug, warn};

use super::blocking_handlers::BlockingHandlers;
use super::delivery::Delivery;
use super::handover::LateFrame;
use super::outcomes::Outcomes;
use super::report_sender::ReportSender;
use crate::dispatch::{Admission, Call, CallKey, Dispatcher, Limits, LinkCalls, Outcome};
use crate::registry::ToolRegistry;
use crate::tool::{Context, Params, SharedText, ToolError, WantedReports, code};
use platools_protocol::LogLevel;
use platools_protocol::signature::Verifier;
use platools_protocol::tool_sync::{Feature, Features, FrameError, PlatformFrame, ToolCall, ToolLog, WorkerFrame};

/// The calls that run or wait, from their frames to their outcomes. It has no socket: each outcome becomes a reply in a [`Delivery`].
#[derive(Debug)]
pub(super) struct WorkerCalls {
    dispatcher: Dispatcher,
    pub(super) outcomes: Outcomes,
    pub(super) reports: ReportSender,
    /// Handlers that keep their threads.
    blocking: BlockingHandlers,
    verifier: Option<Verifier>,
    /// The calls that came over an earlier socket, until the platform says which extensions it speaks.
    resumed: HashSet<CallKey>,
}

impl WorkerCalls {
    pub(super) fn new(registry: ToolRegistry, limits: Limits, verifier: Option<Verifier>) -> Self {
        let reports = ReportSender::new();
        let (dispatcher, outcomes) = Dispatcher::new(registry, limits, reports.queue().clone());
        let outcomes = Outcomes::new(outcomes);
        Self { dispatcher, outcomes, reports, blocking: BlockingHandlers::default(), verifier, resumed: HashSet::new() }
    }

    /// Is used on the thread of a link from now on, which also polls the calls that are returned.
    pub(super) fn use_link_thread(&mut self, app_runtime: Handle) -> LinkCalls {
        let calls = self.dispatcher.use_link_thread(app_runtime);
        self.outcomes.use_link_calls(calls.clone());
        calls
    }

    /// Is used by a task of the application's runtime from now on.
    pub(super) fn use_current_runtime(&mut self) {
        self.dispatcher.use_current_runtime();
    }

    /// Starts over on another socket.
    pub(super) fn begin(&mut self) {
        self.resumed = self.dispatcher.unfinished().map(|(key, _)| key).collect();
    }

    /// Uses these extensions from now on. Returns frames that tell the platform which calls go on, which it cannot know after a reconnect.
    pub(super) fn agree(&mut self, features: Features) -> Vec<Utf8Bytes> {
        let (progress, log) = (features.contains(Feature::Progress), features.contains(Feature::Log));
        self.reports.queue().want(WantedReports { progress, log });
        let resumed = std::mem::take(&mut self.resumed);
        let unfinished = self
            .dispatcher
            .unfinished()
            .filter(|(key, context)| resumed.contains(key) && !context.call_state().is_over());
        let entry = |(_, context): (_, &Context)| {
            let message = "the worker is connected again, and the call goes on";
            WorkerFrame::ToolLog(ToolLog::new(context.call_id(), LogLevel::Debug, message)).to_text().into()
        };
        if log { unfinished.map(entry).collect() } else { Vec::new() }
    }

    /// Treats a frame about calls; any other frame that may be used here is given back. `secret` and `features` are those of its socket.
    pub(super) fn handle_frame<'a>(
        &mut self,
        frame: Result<PlatformFrame<'a>, FrameError>,
        text: &Utf8Bytes,
        secret: &SecretString,
        features: Features,
        delivery: &mut Delivery,
    ) -> Option<PlatformFrame<'a>> {
        match frame {
            Ok(frame) if frame.feature().is_some_and(|feature| !features.contains(feature)) => {
                debug!("a frame of an extension that was not agreed on was ignored");
            }
            Ok(PlatformFrame::ToolCall(call)) => self.admit(&call, text, secret, delivery),
            Ok(PlatformFrame::ToolCancel(cancel)) => self.cancel(&cancel.call_id, delivery),
            Ok(PlatformFrame::ResultAck(ack)) => {
                ack.call_ids.iter().for_each(|call_id| delivery.acknowledged(self.dispatcher.key(call_id)));
            }
            Ok(other) => return Some(other),
            Err(FrameError::Malformed { kind: "tool_call", call_id: Some(call_id), reason, .. }) => {
                let error = ToolError::new(format!("malformed call: {reason}"));
                self.refuse(&call_id, error.with_code(code::INVALID_ARGUMENTS), delivery);
            }
            Err(error) => warn!(reason = error.outline(), "frame of the platform ignored"),
        }
        None
    }

    /// Treats a frame that crossed the close of its socket: only calls matter there any more.
    pub(super) fn handle_late_frame(
        &mut self,
        LateFrame { text, secret, features }: &LateFrame,
        delivery: &mut Delivery,
    ) {
        let _ = self.handle_frame(PlatformFrame::parse(text), text, secret, *features, delivery);
    }

    /// Adds the reply to a call that was admitted, and makes room for the next.
    pub(super) fn settle(&mut self, mut outcome: Outcome, delivery: &mut Delivery) {
        if self.dispatcher.ended(&mut outcome) {
            self.reply(outcome, delivery);
        }
    }

    /// Takes no new calls from now on. Returns the number of those that run or wait.
    pub(super) fn drain(&mut self) -> usize {
        self.dispatcher.drain();
        self.dispatcher.unfinished().count()
    }

    /// Ends every call that runs or waits, with an error as its reply; returns their number. Calls that wait end first, so that none of
    /// them starts in the place of one that ends.
    pub(super) fn cancel_all(&mut self, delivery: &mut Delivery) -> usize {
        let waiting = self.dispatcher.cancel_waiting();
        let mut cancelled = self.reply_to_all(waiting, delivery);
        while let Some(outcome) = self.outcomes.try_recv() {
            self.settle(outcome, delivery);
        }
        let running = self.dispatcher.cancel_all();
        cancelled += self.reply_to_all(running, delivery);
        cancelled
    }

    /// Ends calls that were cancelled and have had time enough, and looks at the threads that handlers keep.
    pub(super) fn tick(&mut self, now: Instant, delivery: &mut Delivery) {
        let overdue = self.dispatcher.abort_overdue(now);
        self.reply_to_all(overdue, delivery);
        if self.blocking.is_due(now) {
            self.blocking.look(self.dispatcher.polls_going_on(), now);
        }
    }

    /// The time of the next [`tick`](Self::tick); `None` while there is nothing to do.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        [self.dispatcher.next_overdue(), self.blocking.next_look()].into_iter().flatten().min()
    }

    /// Arranges a look at the calls that run, if their link has a thread that is free for it.
    pub(super) fn watch(&mut self) {
        if self.outcomes.has_link_thread() && !self.blocking.is_looking() && self.dispatcher.is_running() {
            self.blocking.look_soon(Instant::now());
        }
    }

    /// Returns true if a call runs.
    pub(super) fn are_running(&self) -> bool {
        self.dispatcher.is_running()
    }

    /// Returns true if no call runs or waits, and each has its reply.
    pub(super) fn are_over(&self) -> bool {
        self.dispatcher.is_idle() && self.outcomes.is_empty()
    }

    /// Takes a call on, or answers why not; `secret` is that of the socket it came over.
    fn admit(&mut self, call: &ToolCall<'_>, frame: &Utf8Bytes, secret: &SecretString, delivery: &mut Delivery) {
        // Before its signature is looked at: the nonce of a call that is sent again was used by the call itself.
        let Some(key) = self.dispatcher.key_if_new(&call.call_id) else {
            return debug!(call.id = &*call.call_id, "a repeated call was not run again");
        };
        if delivery.is_backlogged() {
            let error = ToolError::new("too many replies wait to be written to the platform; try again later");
            return self.refuse(&call.call_id, error.with_code(code::OVERLOADED).retryable(), delivery);
        }
        if let Some(verifier) = &mut self.verifier {
            let secret = secret.expose_secret();
            let verdict = verifier.verify_call(secret, &call.tool_name, call.params.get(), SystemTime::now());
            if let Err(reason) = verdict {
                warn!(call.id = &*call.call_id, %reason, "call refused: its signature was rejected");
                let error = ToolError::new(format!("the call's signature was rejected: {reason}"));
                return self.refuse(&call.call_id, error.with_code(code::SIGNATURE_REJECTED), delivery);
            }
        }
        let call = Call {
            call_id: SharedText::within(frame, &call.call_id),
            tool_name: &call.tool_name,
            params: Params::new(SharedText::within(frame, call.params.get())),
            frame_bytes: frame.len(),
            output: delivery.output(&call.call_id),
        };
        match self.dispatcher.dispatch(key, call) {
            Admission::Accepted => {}
            Admission::Ended(outcome) => self.reply(outcome, delivery),
        }
    }

    /// Answers a call that is not run, unless a call of this id has come before.
    fn refuse(&mut self, call_id: &str, error: ToolError, delivery: &mut Delivery) {
        match self.dispatcher.refuse(call_id, error) {
            Some(outcome) => self.reply(outcome, delivery),
            None => debug!(call.id = call_id, "a repeated call was not answered again"),
        }
    }

    /// Cancels a call, if it is not over.
    fn cancel(&mut self, call_id: &str, delivery: &mut Delivery) {
        debug!(call.id = call_id, "the platform cancels a call");
        if let Some(outcome) = self.dispatcher.cancel(call_id, Instant::now()) {
            self.reply(outcome, delivery);
        }
    }

    fn reply_to_all(&mut self, outcomes: Vec<Outcome>, delivery: &mut Delivery) -> usize {
        let count = outcomes.len();
        outcomes.into_iter().for_each(|outcome| self.reply(outcome, delivery));
        count
    }

    /// Adds a reply, and before it the last reports of the call.
    fn reply(&mut self, mut outcome: Outcome, delivery: &mut Delivery) {
        self.reports.keep_last(&outcome.call_id, outcome.reports.take());
        delivery.push(outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::Reporter;
    use super::super::outbox::Bounds;
    use super::super::tests::Named;
    use super::*;
    use platools_transport::FrameSource;

    /// Calls of the inline tool `a`, which waits for as many milliseconds as its params say.
    fn calls(running: usize) -> (WorkerCalls, Delivery) {
        let registry = ToolRegistry::new().with_tools(Named("a")).expect("a valid tool");
        let limits = Limits { running, ..Limits::default() };
        let delivery = Delivery::new(Bounds::default(), Duration::from_secs(30), registry.clone(), Reporter::default());
        (WorkerCalls::new(registry, limits, None), delivery)
    }

    impl WorkerCalls {
        fn handle(&mut self, frame: &Value, delivery: &mut Delivery) {
            let text = Utf8Bytes::from(frame.to_string());
            let late = LateFrame { text, secret: "s".to_owned().into(), features: Features::all() };
            self.handle_late_frame(&late, delivery);
        }

        fn call(&mut self, call_id: &str, ms: u64, delivery: &mut Delivery) {
            let params = json!({ "ms": ms });
            let call = json!({ "type": "tool_call", "call_id": call_id, "tool_name": "a", "params": params });
            self.handle(&call, delivery);
        }
    }

    /// The type and the id of each reply that was not written before.
    fn replies(delivery: &mut Delivery) -> Vec<(String, String)> {
        let reply = |text: &[u8]| {
            let reply: Value = serde_json::from_slice(text).expect("replies are JSON");
            (
                reply["type"].as_str().unwrap_or_default().to_owned(),
                reply["call_id"].as_str().unwrap_or_default().to_owned(),
            )
        };
        std::iter::from_fn(|| delivery.next_frame().map(|text| reply(&text))).collect()
    }

    fn told(kind: &str, call_id: &str) -> (String, String) {
        (kind.to_owned(), call_id.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_comes_again_is_answered_once() {
        let (mut calls, mut delivery) = calls(1);
        calls.call("c1", 0, &mut delivery);
        calls.call("c1", 0, &mut delivery);
        calls.handle(&json!({ "type": "tool_call", "call_id": "c1" }), &mut delivery);
        while !calls.are_over() {
            let outcome = calls.outcomes.recv().await;
            calls.settle(outcome, &mut delivery);
        }
        assert_eq!(replies(&mut delivery), [told("tool_result", "c1")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_call_is_answered_at_once_if_it_waits_and_after_its_grace_if_it_runs() {
        let (mut calls, mut delivery) = calls(1);
        for call_id in ["runs", "waits"] {
            calls.call(call_id, 60_000, &mut delivery);
            calls.handle(&json!({ "type": "tool_cancel", "call_id": call_id }), &mut delivery);
        }
        assert_eq!(replies(&mut delivery), [told("tool_error", "waits")]);
        let overdue = calls.next_tick().expect("a call has its grace");
        calls.tick(overdue, &mut delivery);
        assert_eq!(replies(&mut delivery), [told("tool_error", "runs")]);
        assert!(calls.are_over());
    }
}
