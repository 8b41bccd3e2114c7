//! [`FanOutPublisher`]: tells the other members of changes that their clients see, such as sessions of agents and messages of channels.
//! [`FanOutReader`] applies those of the other members, and notices changes that it missed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platools_bus::InboxBounds;
use serde::{Deserialize, Serialize};

use super::members::{Members, Run};
use super::messenger::{MemberMessage, Messenger, Response, Topic};
use crate::domain::ids::GatewayNumber;
use crate::domain::lock::lock;
use crate::feed::Feed;
use crate::links::{HealthMonitor, HealthObserver, LinkHealth};
use crate::ports::feed_fan_out::{FeedFanOut, FeedUpdate, MessageToDashboards, WatchedAgent};
use crate::ports::session_fan_out::{AgentSockets, SessionFanOut, SessionUpdate, SocketMessage};
use crate::sessions::Sessions;

/// Changes for the clients of all members, in the order in which each member published them.
const CHANGES: Topic = Topic::new("changes");

/// Messages for the clients of one member, and requests for its state.
const CLIENTS: Topic = Topic::new("clients");

/// The longest wait for the state of a member.
const STATE_LIMIT: Duration = Duration::from_secs(2);

/// Messages for clients that wait to be read.
const WAITING: InboxBounds = InboxBounds { messages: 16 * 1024, bytes: 64 * 1024 * 1024 };

/// A message of [`CHANGES`].
#[derive(Serialize, Deserialize)]
struct NumberedMessage {
    gateway: u16,
    run: Run,
    /// Counts the changes of the run from 1.
    number: u64,
    /// None: nothing has changed since the change of this number.
    change: Option<SharedChange>,
}

/// A change for the clients of all members.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SharedChange {
    Sessions(SessionUpdate),
    Feed(FeedUpdate),
    Health(LinkHealth),
}

/// A message of [`CLIENTS`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientMessage {
    /// A request for the [`ClientState`].
    State,
    /// A message for the sockets of an agent.
    Sockets(SocketMessage),
    /// A message for dashboards.
    Dashboards(MessageToDashboards),
}

/// The state of a member that is not in the database.
#[derive(Default, Serialize, Deserialize)]
struct ClientState {
    sockets: Vec<AgentSockets>,
    dashboards: Vec<WatchedAgent>,
    health: Vec<LinkHealth>,
}

/// Publishes the changes at this member.
#[derive(Debug)]
pub(crate) struct FanOutPublisher {
    messenger: Messenger,
    members: Members,
    run: Run,
    /// The number of the last change. It is locked while a change is published, so that changes arrive in the order of their numbers.
    published: Mutex<u64>,
}

impl FanOutPublisher {
    /// The publisher of a new run.
    pub(super) fn new(messenger: Messenger, members: Members) -> Self {
        Self { messenger, members, run: Run::random(), published: Mutex::default() }
    }

    /// Repeats the number of the last change, so that members notice that they missed it.
    pub(super) fn beat(&self) {
        self.publish_numbered(None);
    }

    fn publish_numbered(&self, change: Option<SharedChange>) {
        let mut published = lock(&self.published);
        *published += u64::from(change.is_some());
        let (gateway, run, number) = (self.messenger.number().get(), self.run, *published);
        // Members that miss it see a later number soon.
        if let Err(error) = self.messenger.publish(CHANGES, &NumberedMessage { gateway, run, number, change }) {
            tracing::debug!(%error, "a change for the clients of other gateways was not published");
        }
    }

    fn send_to(&self, to: GatewayNumber, message: &ClientMessage) {
        if let Err(error) = self.messenger.send(to, CLIENTS, message) {
            tracing::debug!(gateway = to.get(), %error, "a message for the clients of another gateway was lost");
        }
    }
}

impl SessionFanOut for FanOutPublisher {
    fn gateway(&self) -> GatewayNumber {
        self.messenger.number()
    }

    fn is_alive(&self, gateway: GatewayNumber) -> bool {
        self.members.is_alive(gateway)
    }

    fn publish(&self, update: SessionUpdate) {
        self.publish_numbered(Some(SharedChange::Sessions(update)));
    }

    fn send(&self, to: GatewayNumber, message: &SocketMessage) {
        self.send_to(to, &ClientMessage::Sockets(message.clone()));
    }
}

impl FeedFanOut for FanOutPublisher {
    fn publish(&self, update: FeedUpdate) {
        self.publish_numbered(Some(SharedChange::Feed(update)));
    }

    fn send(&self, to: GatewayNumber, message: MessageToDashboards) {
        self.send_to(to, &ClientMessage::Dashboards(message));
    }
}

impl HealthObserver for FanOutPublisher {
    fn reported(&self, health: LinkHealth) {
        self.publish_numbered(Some(SharedChange::Health(health)));
    }
}

/// Applies the changes at other members.
pub(super) struct FanOutReader {
    pub(super) messenger: Messenger,
    pub(super) members: Members,
    pub(super) sessions: Arc<Sessions>,
    pub(super) feed: Feed,
    pub(super) health: Arc<HealthMonitor>,
}

impl FanOutReader {
    /// Receives the changes of all members. Never returns before the bus is closed.
    pub(super) async fn receive(&self) {
        let mut reading = MemberChanges { of: self, progress: ChangeProgress::default(), is_behind: true };
        let mut messages = self.messenger.messages_to_all(CHANGES);
        let mut changes = self.members.changes();
        loop {
            // Both arms are cancel-safe.
            tokio::select! {
                biased;
                received = messages.next::<NumberedMessage>() => match received {
                    Some(MemberMessage::Message(message, _)) => reading.take(message).await,
                    Some(MemberMessage::Gap) => reading.note_gap().await,
                    None => return,
                },
                Ok(()) = changes.changed() => reading.forget_gone().await,
            }
        }
    }

    /// Receives messages for the clients of this member. Never returns before the bus is closed.
    pub(super) async fn serve(&self) {
        let mut messages = self.messenger.messages_to_this(CLIENTS, WAITING);
        while let Some(received) = messages.next::<ClientMessage>().await {
            if let MemberMessage::Message(message, response) = received {
                self.take(message, response);
            }
        }
    }

    fn take(&self, message: ClientMessage, response: Option<Response>) {
        match message {
            ClientMessage::State => {
                if let Some(response) = response {
                    response.send(&self.state());
                }
            }
            ClientMessage::Sockets(message) => self.sessions.take_socket_message(message),
            ClientMessage::Dashboards(message) => self.feed.take_dashboard_message(message),
        }
    }

    /// The state of this member.
    fn state(&self) -> ClientState {
        let (sockets, dashboards) = (self.sessions.open_sockets(), self.feed.watched_agents());
        ClientState { sockets, dashboards, health: self.health.local() }
    }

    /// Notes the state of another member.
    fn replace_state(&self, of: GatewayNumber, state: ClientState) {
        self.sessions.replace_sockets(of, state.sockets);
        self.feed.replace_watched(of, state.dashboards);
        self.health.replace_remote(of, state.health);
    }
}

struct MemberChanges<'a> {
    of: &'a FanOutReader,
    progress: ChangeProgress,
    /// True if the database is to be read again.
    is_behind: bool,
}

impl MemberChanges<'_> {
    async fn take(&mut self, message: NumberedMessage) {
        let NumberedMessage { gateway, run, number, change } = message;
        if gateway == self.of.messenger.number().get() {
            // It comes back once a second.
            return self.catch_up().await;
        }
        match self.progress.step(gateway, run, number, change.is_some()) {
            Step::Known => {}
            Step::Next => self.apply(gateway, change),
            Step::Missed => {
                self.is_behind = true;
                self.catch_up().await;
                if !self.is_behind && self.read_state(gateway).await {
                    self.progress.set(gateway, run, number);
                    self.apply(gateway, change);
                }
            }
        }
    }

    fn apply(&self, gateway: u16, change: Option<SharedChange>) {
        let (Some(gateway), Some(change)) = (GatewayNumber::new(gateway), change) else { return };
        match change {
            SharedChange::Sessions(update) => self.of.sessions.apply_update(gateway, update),
            SharedChange::Feed(update) => self.of.feed.apply_update(gateway, update),
            SharedChange::Health(health) => self.of.health.note_remote(gateway, health),
        }
    }

    async fn note_gap(&mut self) {
        self.progress.0.clear();
        self.is_behind = true;
        self.catch_up().await;
    }

    /// Reads the database again, if changes were missed.
    async fn catch_up(&mut self) {
        if !self.is_behind {
            return;
        }
        match self.of.sessions.catch_up().await {
            Ok(()) => self.is_behind = false,
            Err(error) => tracing::warn!(%error, "changes of other gateways cannot be read yet"),
        }
    }

    /// Asks a member for its state that is not in the database. Returns false if it did not answer.
    async fn read_state(&self, gateway: u16) -> bool {
        let Some(member) = GatewayNumber::new(gateway) else { return false };
        let of = self.of;
        match of.messenger.request::<ClientState>(member, CLIENTS, &ClientMessage::State, STATE_LIMIT).await {
            Ok(state) => of.replace_state(member, state),
            Err(error) => {
                tracing::debug!(gateway, %error, "the clients of another gateway are not known yet");
                return false;
            }
        }
        true
    }

    /// Forgets the clients of members that are gone. The last changes of such a member may have been missed.
    async fn forget_gone(&mut self) {
        let gone = self.progress.0.extract_if(|gateway, _| {
            GatewayNumber::new(*gateway).is_none_or(|member| !self.of.members.is_alive(member))
        });
        let gone: Vec<_> = gone.filter_map(|(gateway, _)| GatewayNumber::new(gateway)).collect();
        if !gone.is_empty() {
            gone.into_iter().for_each(|gateway| self.of.replace_state(gateway, ClientState::default()));
            self.is_behind = true;
            self.catch_up().await;
        }
    }
}

/// The run of each member, and the number of its last change that was applied.
#[derive(Debug, Default)]
struct ChangeProgress(HashMap<u16, (Run, u64)>);

/// The place of a message among the changes of its member.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// There is nothing to apply.
    Known,
    /// The message has the next change.
    Next,
    /// Changes before it were missed.
    Missed,
}

impl ChangeProgress {
    fn step(&mut self, gateway: u16, run: Run, number: u64, has_change: bool) -> Step {
        match self.0.get_mut(&gateway) {
            Some((known_run, known)) if *known_run == run => match number {
                _ if number <= *known => Step::Known,
                _ if number == *known + 1 && has_change => {
                    *known = number;
                    Step::Next
                }
                _ => Step::Missed,
            },
            _ => Step::Missed,
        }
    }

    fn set(&mut self, gateway: u16, run: Run, number: u64) {
        self.0.insert(gateway, (run, number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_changes_show_in_the_next_change_and_in_the_repeated_number() {
        let (mut progress, run) = (ChangeProgress::default(), Run::random());
        assert_eq!(progress.step(1, run, 0, false), Step::Missed, "a new member");
        progress.set(1, run, 0);
        assert_eq!(progress.step(1, run, 1, true), Step::Next);
        assert_eq!(progress.step(1, run, 1, false), Step::Known);
        assert_eq!(progress.step(1, run, 2, false), Step::Missed, "the change itself did not come");
        assert_eq!(progress.step(1, run, 3, true), Step::Missed);
        progress.set(1, run, 3);
        assert_eq!(progress.step(1, run, 2, true), Step::Known, "it was read with the others");
        assert_eq!(progress.step(1, run, 4, true), Step::Next);
        assert_eq!(progress.step(1, Run::random(), 1, true), Step::Missed, "another run");
        assert_eq!(progress.step(2, run, 5, true), Step::Missed, "another member");
    }
}
