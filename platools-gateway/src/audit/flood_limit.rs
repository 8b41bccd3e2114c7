//! [`FloodLimit`]: bounds the audit events that clients can cause at will, per source and minute. It records the first ones and counts the
//! others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::origin::network;

/// Events of strangers of one network that are recorded in one window.
const OF_STRANGERS: u32 = 10;

/// Refusals of one key or token that are recorded in one window.
const OF_CREDENTIAL: u32 = 100;

/// Length of a window.
const WINDOW: Duration = Duration::from_secs(60);

/// Sources with a count of their own; all further ones share one.
const SOURCES: usize = 1024;

/// The counts of sources whose window is open.
#[derive(Debug, Default)]
pub(super) struct FloodLimit(HashMap<Source, FloodWindow>);

/// The origin that shares a count of events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    /// Strangers of one network.
    Network(IpAddr),
    /// A key or token.
    Credential(String),
    /// All sources that found no place.
    Others,
}

#[derive(Debug)]
struct FloodWindow {
    began: Instant,
    recorded: u32,
    left_out: u64,
    /// The last event that was left out.
    last: Option<AuditEvent>,
}

impl FloodLimit {
    /// Decides whether an event is recorded. An event that is not is counted.
    pub(super) fn admits(&mut self, event: &AuditEvent, now: Instant) -> bool {
        let Some((source, most)) = source_of(event) else { return true };
        let window = self.window_of(source, now);
        if window.recorded < most {
            window.recorded += 1;
            return true;
        }
        window.left_out += 1;
        window.last = Some(event.clone());
        false
    }

    fn window_of(&mut self, source: Source, now: Instant) -> &mut FloodWindow {
        let is_full = self.0.len() >= SOURCES && !self.0.contains_key(&source);
        let fresh = || FloodWindow { began: now, recorded: 0, left_out: 0, last: None };
        self.0.entry(if is_full { Source::Others } else { source }).or_insert_with(fresh)
    }

    /// Closes the windows that are over, or all of them without a time. Returns one event for each in which some were left out,
    /// which says how many.
    pub(super) fn close(&mut self, now: Option<Instant>) -> Vec<AuditEvent> {
        let mut summaries = Vec::new();
        self.0.retain(|source, window| {
            let is_open = now.is_some_and(|now| now.duration_since(window.began) < WINDOW);
            if !is_open && let Some(last) = window.last.take() {
                summaries.push(summary(last, window.left_out, source));
            }
            is_open
        });
        summaries
    }
}

/// The source of an event and its bound. None if the event is recorded in any case: changes, and sign-ins of callers and workers
/// with a credential, which pass their own limits first.
fn source_of(event: &AuditEvent) -> Option<(Source, u32)> {
    let actor = &event.actor;
    match (actor.origin.address, &actor.credential) {
        _ if event.kind == AuditKind::Change => None,
        (Some(address), _) if actor.is_stranger() => Some((Source::Network(network(address)), OF_STRANGERS)),
        (Some(_), Some(credential)) if event.kind == AuditKind::Refusal => {
            Some((Source::Credential(credential.clone()), OF_CREDENTIAL))
        }
        _ => None,
    }
}

/// The event that stands for those that were left out.
fn summary(last: AuditEvent, left_out: u64, source: &Source) -> AuditEvent {
    let detail = match source {
        Source::Network(_) => "further events from this network",
        Source::Credential(_) => "further refusals of this key or token",
        Source::Others => "further events from many networks",
    };
    let mut summary = AuditEvent { left_out, subject: None, ..last }.because(detail);
    summary.actor.origin.request_id = None;
    if *source == Source::Others {
        summary.actor.origin.address = None;
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Actor, action};
    use crate::domain::identity::Caller;
    use crate::domain::origin::RequestOrigin;

    fn refusal(actor: Actor) -> AuditEvent {
        AuditEvent::new(AuditKind::Refusal, action::CALLER_AUTHENTICATE, actor, 17).on("subject")
    }

    fn stranger(address: &str) -> AuditEvent {
        refusal(Actor::unknown(RequestOrigin::from(address.parse::<IpAddr>().unwrap())))
    }

    fn admitted(flood: &mut FloodLimit, event: &AuditEvent, times: usize, now: Instant) -> usize {
        (0..times).filter(|_| flood.admits(event, now)).count()
    }

    #[test]
    fn events_of_a_network_past_the_bound_are_counted_and_told_when_the_minute_is_over() {
        let (mut flood, begun) = (FloodLimit::default(), Instant::now());
        assert_eq!(admitted(&mut flood, &stranger("2001:db8::1"), 12, begun), 10);
        assert_eq!(admitted(&mut flood, &stranger("2001:db8::2"), 3, begun), 0, "the same network");
        assert_eq!(admitted(&mut flood, &stranger("10.0.0.1"), 3, begun), 3, "another one");
        assert!(flood.close(Some(begun + WINDOW / 2)).is_empty());
        let summaries = flood.close(Some(begun + WINDOW));
        let [summary] = &*summaries else { panic!("one summary was expected: {summaries:?}") };
        assert_eq!((summary.left_out, summary.subject.as_deref()), (5, None));
        assert_eq!(summary.actor.origin.address, Some("2001:db8::2".parse().unwrap()));
        assert!(flood.0.is_empty());
        assert_eq!(admitted(&mut flood, &stranger("2001:db8::1"), 12, begun + WINDOW), 10, "the next minute");
    }

    #[test]
    fn known_callers_have_a_count_of_their_own_for_refusals_only_and_the_program_itself_has_none() {
        let (mut flood, now) = (FloodLimit::default(), Instant::now());
        let origin = RequestOrigin::from(IpAddr::from([10, 0, 0, 1]));
        let known = |key| refusal((&Caller { origin: origin.clone(), ..Caller::sample(key) }).into());
        assert_eq!(admitted(&mut flood, &known("key_1"), 1000, now), 100);
        assert_eq!(admitted(&mut flood, &known("key_2"), 50, now), 50);
        let sign_in = AuditEvent { kind: AuditKind::SignIn, ..known("key_1") };
        for event in [sign_in, refusal(Actor::default())] {
            assert_eq!(admitted(&mut flood, &event, 1000, now), 1000);
        }
        let summaries = flood.close(Some(now + WINDOW));
        assert_eq!(summaries.iter().map(|summary| summary.left_out).collect::<Vec<_>>(), [900]);
    }

    #[test]
    fn many_networks_share_one_count_and_nothing_is_lost_at_the_end() {
        let (mut flood, now) = (FloodLimit::default(), Instant::now());
        for number in (0_u32..).take(SOURCES + 30) {
            flood.admits(&stranger(&std::net::Ipv4Addr::from_bits(number).to_string()), now);
        }
        assert_eq!(flood.0.len(), SOURCES + 1);
        let summaries = flood.close(None);
        let [summary] = &*summaries else { panic!("one summary was expected: {summaries:?}") };
        assert_eq!((summary.left_out, summary.actor.origin.address), (20, None));
    }
}
