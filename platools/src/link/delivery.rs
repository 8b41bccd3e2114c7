//! [`Delivery`]: makes replies of outcomes, keeps them in the outbox until the platform confirms them, and makes the heartbeats that ask
//! for the confirmation. `session.rs` sends both.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::warn;

use super::Reporter;
use super::event::Event;
use super::health::HealthReports;
use super::outbox::{Bounds, Outbox};
use super::replies::{ReplyFrames, without_error_details};
use crate::dispatch::{CallKey, Outcome};
use crate::registry::ToolRegistry;
use crate::tool::Output;
use platools_protocol::tool_sync::{Feature, Features};
use platools_transport::{Disconnect, FrameSource, Heartbeat};

/// Makes replies of outcomes and keeps them until they are known to have arrived, whichever socket takes them. It has no socket:
/// that takes frames from here when it has room for them.
#[derive(Debug)]
pub(super) struct Delivery {
    outbox: Outbox,
    replies: ReplyFrames,
    /// The pulse of the present socket.
    heartbeat: Heartbeat,
    heartbeat_interval: Duration,
    pub(super) health: HealthReports,
    /// True if the platform of the present socket takes the facts about a failure.
    takes_error_details: bool,
    reporter: Reporter,
}

impl Delivery {
    pub(super) fn new(
        bounds: Bounds,
        heartbeat_interval: Duration,
        registry: ToolRegistry,
        reporter: Reporter,
    ) -> Self {
        Self {
            outbox: Outbox::new(bounds),
            replies: ReplyFrames::default(),
            heartbeat: Heartbeat::new(heartbeat_interval, Instant::now()),
            heartbeat_interval,
            health: HealthReports::new(registry),
            takes_error_details: false,
            reporter,
        }
    }

    /// Starts over on a socket on which nothing was sent.
    pub(super) fn begin(&mut self, now: Instant) {
        self.heartbeat = Heartbeat::new(self.heartbeat_interval, now);
        self.takes_error_details = false;
        self.outbox.reconnected();
        self.health.reconnected();
    }

    /// Uses these extensions from now on.
    pub(super) fn agree(&mut self, features: Features) {
        self.takes_error_details = features.contains(Feature::ErrorDetails);
    }

    /// The buffer for a call's result.
    pub(super) fn output(&mut self, call_id: &str) -> Output {
        self.replies.output(call_id)
    }

    /// Adds the reply that tells an outcome.
    pub(super) fn push(&mut self, outcome: Outcome) {
        let (key, ended) = (outcome.key, outcome.ended);
        let dropped = self.outbox.push(key, self.replies.reply(outcome), ended);
        self.report_dropped(dropped);
    }

    /// Gives up the replies that are too old.
    pub(super) fn expire(&mut self, now: Instant) {
        let expired = self.outbox.expire(now);
        self.report_dropped(expired);
    }

    /// Notes a frame of the platform, which shows that the platform is alive.
    pub(super) fn note_frame(&mut self) {
        if self.heartbeat.is_awaiting() {
            self.heartbeat.alive_at(Instant::now());
        }
    }

    /// The platform answered the oldest heartbeat on its way, which confirms the replies before it.
    pub(super) fn heartbeat_answered(&mut self) {
        self.heartbeat.answered();
        self.outbox.heartbeat_answered();
    }

    /// The reply to that call has arrived.
    pub(super) fn acknowledged(&mut self, call: CallKey) {
        self.outbox.acknowledged(call);
    }

    /// Every reply has arrived.
    pub(super) fn all_arrived(&mut self) {
        self.outbox.all_arrived();
    }

    /// Requests a heartbeat if one is due. `last_taken` is the time at which the platform took bytes from a full connection, which shows
    /// that it is alive.
    ///
    /// # Errors
    /// The platform has been silent for too long.
    pub(super) fn beat(&mut self, last_taken: Instant, now: Instant) -> Result<(), Disconnect> {
        self.heartbeat.alive_at(last_taken);
        if self.heartbeat.is_dead(now) {
            return Err(Disconnect::Silent);
        }
        if self.heartbeat.is_due(now) {
            self.heartbeat.want(now);
        }
        Ok(())
    }

    /// The time of the next [`beat`](Self::beat).
    pub(super) fn next_beat(&self) -> Instant {
        self.heartbeat.next()
    }

    /// The time of the next [`expire`](Self::expire).
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.outbox.next_expiry()
    }

    /// Returns true if too many bytes wait to be sent: no further call should run.
    pub(super) fn is_backlogged(&self) -> bool {
        self.outbox.is_backlogged()
    }

    /// Bytes of the replies that are not on the present socket yet.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.outbox.unsent_bytes()
    }

    /// The number of replies that are not known to have arrived.
    pub(super) fn unconfirmed(&self) -> usize {
        self.outbox.unconfirmed()
    }

    /// Returns true if every reply is known to have arrived.
    pub(super) fn is_complete(&self) -> bool {
        self.outbox.is_empty()
    }

    fn report_dropped(&self, replies: usize) {
        if replies > 0 {
            warn!(replies.dropped = replies, "oldest replies dropped: the platform does not confirm replies");
            self.reporter.event(Event::RepliesDropped { count: replies });
        }
    }
}

impl FrameSource for Delivery {
    /// A heartbeat goes between two replies: it confirms those before it, and it does not wait for those behind it.
    fn next_frame(&mut self) -> Option<Cow<'_, Bytes>> {
        if self.heartbeat.take_wanted() {
            self.outbox.heartbeat_sent();
            return Some(Cow::Owned(self.health.heartbeat(Instant::now()).into()));
        }
        if self.outbox.wants_confirmation() {
            self.outbox.heartbeat_sent();
            self.heartbeat.sent(Instant::now());
            return Some(Cow::Owned(HealthReports::silent_heartbeat().into()));
        }
        // The outbox keeps replies whole: which socket they go out on, and what its platform knows, is clear only now.
        let reply = self.outbox.next_unsent()?;
        Some(if self.takes_error_details { Cow::Borrowed(reply) } else { without_error_details(reply) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Failure;
    use crate::tool::{ToolError, code};

    const SECOND: Duration = Duration::from_secs(1);

    fn delivery() -> Delivery {
        Delivery::new(Bounds::default(), 30 * SECOND, ToolRegistry::new(), Reporter::default())
    }

    fn failure(call: u64) -> Outcome {
        let error = ToolError::new("no such order").with_code(code::INVALID_ARGUMENTS);
        let mut outcome = Outcome::refusal(CallKey::of(call), call.to_string().as_str().into(), error);
        outcome.result = outcome.result.map_err(|Failure { error, .. }| Failure::hidden(error));
        outcome
    }

    fn next(delivery: &mut Delivery) -> Option<String> {
        delivery.next_frame().map(|frame| String::from_utf8(frame.to_vec()).expect("JSON is UTF-8"))
    }

    #[test]
    fn a_heartbeat_confirms_the_replies_before_it_and_not_those_behind_it() {
        let (mut delivery, now) = (delivery(), Instant::now());
        delivery.begin(now);
        delivery.push(failure(1));
        assert!(next(&mut delivery).is_some_and(|reply| reply.contains("tool_error")));
        assert_eq!(delivery.beat(now, now + 31 * SECOND), Ok(()));
        delivery.push(failure(2));
        assert!(next(&mut delivery).is_some_and(|frame| frame.contains("heartbeat")), "it does not wait for replies");
        assert!(next(&mut delivery).is_some_and(|reply| reply.contains("tool_error")));
        assert_eq!((next(&mut delivery), delivery.unconfirmed()), (None, 2));
        delivery.heartbeat_answered();
        assert_eq!(delivery.unconfirmed(), 1);
        delivery.begin(now);
        assert!(
            next(&mut delivery).is_some_and(|reply| reply.contains(r#""2""#)),
            "it goes out again on the next socket"
        );
    }

    #[test]
    fn the_facts_about_a_failure_go_to_platforms_that_agreed_on_them() {
        let mut delivery = delivery();
        for features in [Features::none(), [Feature::ErrorDetails].into_iter().collect()] {
            delivery.begin(Instant::now());
            delivery.agree(features);
            delivery.push(failure(1));
            let reply = next(&mut delivery).expect("the reply");
            assert_eq!(reply.contains(code::INVALID_ARGUMENTS), features.contains(Feature::ErrorDetails), "{reply}");
            delivery.all_arrived();
        }
    }

    #[test]
    fn a_platform_without_a_sign_of_life_for_two_intervals_is_silent() {
        let (mut delivery, start) = (delivery(), Instant::now());
        delivery.begin(start);
        assert_eq!(delivery.beat(start, start + 30 * SECOND), Ok(()));
        assert_eq!(delivery.beat(start + 60 * SECOND, start + 91 * SECOND), Ok(()), "it took bytes meanwhile");
        assert_eq!(delivery.beat(start + 60 * SECOND, start + 121 * SECOND), Err(Disconnect::Silent));
    }
}
