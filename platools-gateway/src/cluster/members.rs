//! [`Members`]: the gateways of an installation that are alive, as their heartbeats show.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::domain::ids::GatewayNumber;
use crate::domain::lock::lock;
use crate::domain::random;

/// The time between two heartbeats.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// A member is gone when nothing was heard of it for so long.
pub(crate) const SILENCE: Duration = Duration::from_secs(6);

/// The run of a gateway: another one after each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run(u64);

impl Run {
    /// A new run.
    pub(crate) fn random() -> Self {
        Self(u64::from_le_bytes(random::bytes()))
    }
}

/// A sign of life of a member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Heartbeat {
    pub(crate) gateway: u16,
    pub(crate) run: Run,
    /// The number of the last change of its links that it has published.
    pub(crate) last_change: u64,
    /// The number of its links.
    pub(crate) links: usize,
    pub(crate) version: String,
    /// True if it stops, and takes no more calls.
    pub(crate) is_stopping: bool,
    /// True while its database answers.
    #[serde(default = "yes")]
    pub(crate) has_database: bool,
}

/// A member of an earlier version says nothing about its database.
fn yes() -> bool {
    true
}

/// A member that is alive.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) number: GatewayNumber,
    pub(crate) run: Run,
    pub(crate) links: usize,
    pub(crate) version: String,
    pub(crate) is_stopping: bool,
    pub(crate) has_database: bool,
    /// The time of its last heartbeat.
    pub(crate) seen: Instant,
}

/// The members that are alive, this one too while its own heartbeats come back. Clones share one table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    table: Arc<Mutex<BTreeMap<u16, Member>>>,
    /// Wakes those who wait for members that come or go.
    changes: Arc<watch::Sender<()>>,
}

/// The effect of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The member was alive before.
    Known,
    /// The member is new, or has come back after a silence.
    New,
    /// The member has started again: its earlier run is over.
    Restarted,
}

impl Members {
    /// Notes a heartbeat.
    pub(crate) fn note(&self, beat: &Heartbeat) -> Arrival {
        let Some(number) = GatewayNumber::new(beat.gateway) else { return Arrival::Known };
        let member = Member {
            number,
            run: beat.run,
            links: beat.links,
            version: beat.version.clone(),
            is_stopping: beat.is_stopping,
            has_database: beat.has_database,
            seen: Instant::now(),
        };
        let arrival = match lock(&self.table).insert(beat.gateway, member) {
            None => Arrival::New,
            Some(before) if before.run != beat.run => Arrival::Restarted,
            Some(_) => Arrival::Known,
        };
        if arrival != Arrival::Known {
            self.changes.send_replace(());
        }
        arrival
    }

    /// Removes the members that are silent for too long, and returns them.
    pub(crate) fn remove_silent(&self) -> Vec<Member> {
        let silent: Vec<_> = {
            let mut table = lock(&self.table);
            let numbers: Vec<_> = table
                .iter()
                .filter(|(_, member)| member.seen.elapsed() >= SILENCE)
                .map(|(number, _)| *number)
                .collect();
            numbers.iter().filter_map(|number| table.remove(number)).collect()
        };
        if !silent.is_empty() {
            self.changes.send_replace(());
        }
        silent
    }

    /// True if a member has been heard of lately.
    pub(crate) fn is_alive(&self, number: GatewayNumber) -> bool {
        lock(&self.table).contains_key(&number.get())
    }

    /// True if a member other than this one has the database, and goes on.
    pub(crate) fn others_have_database(&self, this: GatewayNumber) -> bool {
        lock(&self.table).values().any(|member| member.number != this && member.has_database && !member.is_stopping)
    }

    /// The members that are alive, by number.
    pub(crate) fn list(&self) -> Vec<Member> {
        lock(&self.table).values().cloned().collect()
    }

    /// The number of members that are alive, at least 1: this one.
    pub(crate) fn count(&self) -> usize {
        lock(&self.table).len().max(1)
    }

    /// Waits until a member has been gone for some time. Cancel-safe.
    pub(crate) async fn gone(&self, number: GatewayNumber, time: Duration) {
        let (mut changes, mut since) = (self.changes(), None);
        loop {
            if self.is_alive(number) {
                since = None;
                // The sender is in this table.
                let _ = changes.changed().await;
            } else {
                let end = *since.get_or_insert_with(Instant::now) + time;
                if timeout_at(end, changes.changed()).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Notices of members that come or go.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
impl Members {
    /// Notes a heartbeat of a member, for tests of other services.
    pub(crate) fn note_sample(&self, number: GatewayNumber, has_database: bool) {
        let version = "1".to_owned();
        let (gateway, run) = (number.get(), Run::random());
        self.note(&Heartbeat { gateway, run, last_change: 0, links: 0, version, is_stopping: false, has_database });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(gateway: u16, run: Run) -> Heartbeat {
        Heartbeat {
            gateway,
            run,
            last_change: 0,
            links: 3,
            version: "1".to_owned(),
            is_stopping: false,
            has_database: true,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_is_alive_until_it_is_silent() {
        let (members, run) = (Members::default(), Run::random());
        let (one, two) = (GatewayNumber::new(1).unwrap(), GatewayNumber::new(2).unwrap());
        assert_eq!((members.note(&beat(1, run)), members.note(&beat(2, run))), (Arrival::New, Arrival::New));
        tokio::time::advance(SILENCE - BEAT).await;
        assert_eq!(members.note(&beat(2, run)), Arrival::Known);
        assert!(members.remove_silent().is_empty());
        tokio::time::advance(BEAT).await;
        let changes = members.changes();
        let silent = members.remove_silent();
        assert_eq!(silent.iter().map(|member| member.number).collect::<Vec<_>>(), [one]);
        assert!(changes.has_changed().unwrap());
        assert!(!members.is_alive(one) && members.is_alive(two));
        assert_eq!((members.count(), members.list()[0].links), (1, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_comes_back_in_time_is_not_gone() {
        let members = Members::default();
        let (one, run, time) = (GatewayNumber::new(1).unwrap(), Run::random(), Duration::from_secs(10));
        members.note(&beat(1, run));
        let (began, waiting) = (Instant::now(), members.gone(one, time));
        let comes_and_goes = async {
            tokio::time::sleep(SILENCE).await;
            members.remove_silent();
            tokio::time::sleep(time - BEAT).await;
            members.note(&beat(1, run));
            tokio::time::sleep(SILENCE).await;
            members.remove_silent();
        };
        tokio::join!(waiting, comes_and_goes);
        assert_eq!(began.elapsed(), SILENCE + (time - BEAT) + SILENCE + time);
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_has_started_again_is_told_from_one_that_goes_on() {
        let members = Members::default();
        members.note(&beat(1, Run::random()));
        assert_eq!(members.note(&beat(1, Run::random())), Arrival::Restarted);
        assert_eq!(members.count(), 1);
    }
}
