//! [`SessionTable`]: the sessions, sockets and subscriptions of all agents in memory. It ends the sessions of silent agents, a bounded
//! number at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use platools_protocol::runtime::MAX_SOCKETS;

use super::agent_lookup::AgentLookup;
use super::channel_listeners::{ChannelListeners, MessagesToRead};
use super::events;
use super::remote_sockets::RemoteSockets;
use super::session::{ActiveSession, PresentAgent};
use super::socket_queue::{SocketEnd, SocketQueue};
use crate::domain::channel::StoredChannel;
use crate::domain::ids::{AgentId, ChannelId, GatewayNumber, ProjectId, SessionId};
use crate::domain::session::StoredSession;
use crate::ports::session_fan_out::{AgentSockets, SessionHeartbeat};
use crate::ports::time::now_ms;

/// The largest number of subscriptions of one socket.
const MAX_SUBSCRIPTIONS: usize = 10_000;

/// The number of sessions that end at once. The next ones follow half a second later.
const ENDED_AT_ONCE: usize = 128;

/// Sessions, sockets and subscriptions of all agents.
#[derive(Debug, Default)]
pub(super) struct SessionTable {
    projects: HashMap<ProjectId, ProjectSessions>,
    listeners: HashMap<ChannelId, ChannelListeners>,
    /// The sockets of agents at other gateways.
    pub(super) remote_sockets: RemoteSockets,
    /// The sessions that ended while the stored ones are read again.
    ended: Option<HashSet<SessionId>>,
    /// The number of this gateway.
    gateway: GatewayNumber,
    /// The number of sockets opened so far, which is the number of the last one.
    opened: u64,
    /// The number of messages heard so far; a higher one was heard later.
    heard: u64,
    /// The number of departures from channels.
    pub(super) departures: u64,
    agents: AgentLookup,
}

/// The sessions, sockets and subscriptions of one project.
#[derive(Debug, Default)]
struct ProjectSessions {
    sessions: HashMap<AgentId, ActiveSession>,
    sockets: HashMap<AgentId, Vec<OpenSocket>>,
}

#[derive(Debug)]
struct OpenSocket {
    number: u64,
    heard: u64,
    heard_ms: i64,
    queue: Arc<SocketQueue>,
    channels: HashSet<ChannelId>,
}

impl SessionTable {
    pub(super) fn new(agents: AgentLookup, gateway: GatewayNumber) -> Self {
        Self { agents, gateway, ..Self::default() }
    }

    /// Begins a session, which replaces an older one of the agent. Without an older one, the project's other agents are told. A session that
    /// is older than the present one, or has ended, does not begin.
    pub(super) fn begin(&mut self, session: ActiveSession) {
        let room = self.projects.entry(session.row.project_id.clone()).or_default();
        let present = room.sessions.get(&session.row.agent_id);
        let is_older = present.is_some_and(|present| present.row.generation >= session.row.generation);
        if is_older || self.ended.as_ref().is_some_and(|ended| ended.contains(&session.row.id)) {
            return;
        }
        let agent = session.row.agent_id.clone();
        let joined = events::joined(PresentAgent::new(&session, self.agents.names(&session)));
        if room.sessions.insert(agent.clone(), session).is_none() {
            room.tell_others(&agent, &joined);
        }
    }

    /// Takes up a session from before a restart, without an event.
    pub(super) fn resume(&mut self, session: ActiveSession) {
        let room = self.projects.entry(session.row.project_id.clone()).or_default();
        room.sessions.insert(session.row.agent_id.clone(), session);
    }

    pub(super) fn session(&self, project: &ProjectId, agent: &AgentId) -> Option<&ActiveSession> {
        self.projects.get(project)?.sessions.get(agent)
    }

    /// An agent with a session, with the names that it has now.
    pub(super) fn present(&self, session: &ActiveSession) -> PresentAgent {
        PresentAgent::new(session, self.agents.names(session))
    }

    /// The sessions of a project.
    pub(super) fn sessions(&self, project: &ProjectId) -> impl Iterator<Item = &ActiveSession> {
        self.projects.get(project).into_iter().flat_map(|room| room.sessions.values())
    }

    /// Notes a heartbeat, if there is a session.
    pub(super) fn beat(&mut self, project: &ProjectId, agent: &AgentId, now_ms: i64) -> Option<i64> {
        let session = self.projects.get_mut(project)?.sessions.get_mut(agent)?;
        session.beat(Instant::now(), now_ms);
        Some(session.row.heartbeat_ms)
    }

    /// Ends an agent's session and its sockets, and tells the project's other agents. Without an id, any session matches.
    pub(super) fn end(
        &mut self,
        project: &ProjectId,
        agent: &AgentId,
        id: Option<&SessionId>,
        why: SocketEnd,
    ) -> Option<ActiveSession> {
        let room = self.projects.get_mut(project)?;
        if id.is_some_and(|id| room.sessions.get(agent).is_none_or(|session| session.row.id != *id)) {
            return None;
        }
        let session = room.sessions.remove(agent)?;
        if let Some(ended) = &mut self.ended {
            ended.insert(session.row.id.clone());
        }
        let left = events::left(PresentAgent::new(&session, self.agents.names(&session)));
        room.tell_others(agent, &left);
        for socket in room.sockets.get(agent).into_iter().flatten() {
            socket.queue.finish(why);
        }
        self.tidy(project);
        Some(session)
    }

    /// Ends some of the sessions that match. Each end is an event for the project's other agents, whose queues need time to empty.
    pub(super) fn end_where(&mut self, has_ended: impl Fn(&ActiveSession) -> bool) -> Vec<ActiveSession> {
        let sessions = self.projects.values().flat_map(|room| room.sessions.values());
        let ended: Vec<_> = sessions
            .filter(|session| has_ended(session))
            .take(ENDED_AT_ONCE)
            .map(|session| (session.row.project_id.clone(), session.row.agent_id.clone()))
            .collect();
        let mut end = |(project, agent)| self.end(&project, &agent, None, SocketEnd::SessionTimedOut);
        ended.into_iter().filter_map(&mut end).collect()
    }

    /// True if this gateway ends a session when it is silent: the session began here, or its gateway is gone.
    pub(super) fn is_own(&self, session: &ActiveSession, is_alive: impl Fn(GatewayNumber) -> bool) -> bool {
        let owner = session.row.generation.gateway();
        owner == self.gateway || !is_alive(owner)
    }

    /// Some of the sessions that match.
    pub(super) fn some_where(&self, matches: impl Fn(&ActiveSession) -> bool) -> Vec<StoredSession> {
        let sessions = self.projects.values().flat_map(|room| room.sessions.values());
        sessions.filter(|session| matches(session)).take(ENDED_AT_ONCE).map(|session| session.row.clone()).collect()
    }

    /// Notes that a session was heard from at another gateway.
    pub(super) fn note_heartbeat(&mut self, heartbeat: &SessionHeartbeat) {
        let sessions = self.projects.get_mut(&heartbeat.project).map(|room| &mut room.sessions);
        let session = sessions.and_then(|sessions| sessions.get_mut(&heartbeat.agent));
        if let Some(session) = session.filter(|session| session.row.id == heartbeat.session) {
            session.note_remote_heartbeat(Instant::now(), heartbeat.heartbeat_ms);
        }
    }

    /// Takes the heartbeats that other gateways do not know of.
    pub(super) fn take_unpublished_heartbeats(&mut self) -> Vec<SessionHeartbeat> {
        let sessions = self.projects.values_mut().flat_map(|room| room.sessions.values_mut());
        sessions.filter_map(ActiveSession::take_unpublished_heartbeat).collect()
    }

    /// Begins to compare the sessions with the stored ones. Returns the sessions of this moment.
    pub(super) fn begin_comparison(&mut self) -> Vec<StoredSession> {
        self.ended = Some(HashSet::new());
        self.projects.values().flat_map(|room| room.sessions.values()).map(|session| session.row.clone()).collect()
    }

    /// Takes up the stored sessions of other gateways, and ends the sessions among `known` that are not stored any more.
    pub(super) fn end_comparison(&mut self, known: Vec<StoredSession>, stored: Vec<StoredSession>) {
        let ids: HashSet<_> = stored.iter().map(|row| row.id.clone()).collect();
        for row in known.into_iter().filter(|row| !ids.contains(&row.id)) {
            drop(self.end(&row.project_id, &row.agent_id, Some(&row.id), SocketEnd::SessionTimedOut));
        }
        let gateway = self.gateway;
        for row in stored.into_iter().filter(|row| row.generation.gateway() != gateway) {
            self.begin(ActiveSession::from(row));
        }
        self.ended = None;
    }

    /// Takes the heartbeats that came since the last call.
    pub(super) fn take_heartbeats(&mut self) -> Vec<(SessionId, AgentId, i64)> {
        let sessions = self.projects.values_mut().flat_map(|room| room.sessions.values_mut());
        sessions.filter_map(ActiveSession::take_heartbeat).collect()
    }

    /// Adds a socket. If the agent has too many then, the socket heard from least recently ends. If another gateway has that one, its number
    /// is returned as well.
    pub(super) fn open(
        &mut self,
        project: &ProjectId,
        agent: &AgentId,
        queue: &Arc<SocketQueue>,
    ) -> (u64, Option<GatewayNumber>) {
        let remote = self.remote_sockets.oldest(agent);
        let local = self.oldest(project, agent);
        let is_remote = remote.is_some_and(|(_, remote_ms)| local.is_none_or(|(_, local_ms)| remote_ms < local_ms));
        let has_too_many = self.socket_count(project, agent) + self.remote_sockets.count(agent) >= MAX_SOCKETS;
        if has_too_many && !is_remote {
            self.end_oldest(project, agent);
        }
        self.opened += 1;
        let (number, heard) = (self.opened, self.next_heard());
        let sockets = self.projects.entry(project.clone()).or_default().sockets.entry(agent.clone()).or_default();
        let (queue, heard_ms) = (Arc::clone(queue), now_ms());
        sockets.push(OpenSocket { number, heard, heard_ms, queue, channels: HashSet::new() });
        let ends = remote.filter(|_| has_too_many && is_remote).map(|(gateway, _)| gateway);
        (number, ends)
    }

    /// Ends the socket of an agent that was heard from least recently, if there is one.
    pub(super) fn end_oldest(&mut self, project: &ProjectId, agent: &AgentId) {
        let Some((number, _)) = self.oldest(project, agent) else { return };
        if let Some(socket) = self.socket(project, agent, number) {
            socket.queue.finish(SocketEnd::Replaced);
        }
        self.close(project, agent, number);
    }

    /// The socket of an agent that was heard from least recently, and when that was.
    fn oldest(&self, project: &ProjectId, agent: &AgentId) -> Option<(u64, i64)> {
        let sockets = self.projects.get(project)?.sockets.get(agent)?;
        let oldest = sockets.iter().min_by_key(|socket| socket.heard)?;
        Some((oldest.number, oldest.heard_ms))
    }

    fn socket_count(&self, project: &ProjectId, agent: &AgentId) -> usize {
        self.projects.get(project).and_then(|room| room.sockets.get(agent)).map_or(0, Vec::len)
    }

    /// The sockets of an agent at this gateway.
    pub(super) fn sockets_of(&self, project: &ProjectId, agent: &AgentId) -> AgentSockets {
        let sockets = self.projects.get(project).and_then(|room| room.sockets.get(agent)).into_iter().flatten();
        let heard_ms = sockets.map(|socket| socket.heard_ms).collect();
        AgentSockets { project: project.clone(), agent: agent.clone(), heard_ms }
    }

    /// The sockets of all agents at this gateway.
    pub(super) fn all_sockets(&self) -> Vec<AgentSockets> {
        let agents =
            self.projects.iter().flat_map(|(project, room)| room.sockets.keys().map(move |agent| (project, agent)));
        agents.map(|(project, agent)| self.sockets_of(project, agent)).collect()
    }

    /// Removes a socket.
    pub(super) fn close(&mut self, project: &ProjectId, agent: &AgentId, number: u64) {
        let Some(room) = self.projects.get_mut(project) else { return };
        let Some(sockets) = room.sockets.get_mut(agent) else { return };
        if let Some(at) = sockets.iter().position(|socket| socket.number == number) {
            let socket = sockets.remove(at);
            for channel in socket.channels {
                unsubscribe(&mut self.listeners, &channel, number);
            }
        }
        if sockets.is_empty() {
            room.sockets.remove(agent);
        }
        self.tidy(project);
    }

    /// Notes that a socket was heard from.
    pub(super) fn note_heard(&mut self, project: &ProjectId, agent: &AgentId, number: u64) {
        let heard = self.next_heard();
        if let Some(socket) = self.socket(project, agent, number) {
            socket.heard = heard;
            socket.heard_ms = now_ms();
        }
    }

    /// Subscribes a socket to a channel, whose messages begin at a position if several gateways write to it. Returns false if the socket has
    /// too many subscriptions.
    pub(super) fn subscribe(
        &mut self,
        (project, agent, number): (&ProjectId, &AgentId, u64),
        channel: StoredChannel,
        next: Option<i64>,
    ) -> bool {
        // The socket has ended meanwhile.
        let Some(socket) = self.socket(project, agent, number) else { return true };
        if socket.channels.len() >= MAX_SUBSCRIPTIONS && !socket.channels.contains(&channel.id) {
            return false;
        }
        socket.channels.insert(channel.id.clone());
        let queue = Arc::clone(&socket.queue);
        let listeners = self.listeners.entry(channel.id.clone());
        listeners.or_insert_with(|| ChannelListeners::new(channel, next)).add(number, agent, &queue);
        true
    }

    /// Ends a socket's subscription to a channel.
    pub(super) fn unsubscribe(&mut self, project: &ProjectId, agent: &AgentId, number: u64, channel: &ChannelId) {
        if let Some(socket) = self.socket(project, agent, number) {
            socket.channels.remove(channel);
            unsubscribe(&mut self.listeners, channel, number);
        }
    }

    /// Ends the subscriptions of an agent's sockets to a channel.
    pub(super) fn depart(&mut self, project: &ProjectId, agent: &AgentId, channel: &ChannelId) {
        self.departures += 1;
        if let Some(listeners) = self.listeners.get_mut(channel) {
            listeners.remove_agent(agent);
            if listeners.is_empty() {
                self.listeners.remove(channel);
            }
        }
        let sockets = self.projects.get_mut(project).and_then(|room| room.sockets.get_mut(agent));
        for socket in sockets.into_iter().flatten() {
            socket.channels.remove(channel);
        }
    }

    /// Ends all subscriptions to a deleted channel.
    pub(super) fn remove_channel(&mut self, channel: &ChannelId) {
        self.departures += 1;
        self.listeners.remove(channel);
        let sockets = self.projects.values_mut().flat_map(|room| room.sockets.values_mut()).flatten();
        for socket in sockets {
            socket.channels.remove(channel);
        }
    }

    /// Returns true if a socket subscribes to a channel.
    pub(super) fn has_subscribers(&self, channel: &ChannelId) -> bool {
        self.listeners.contains_key(channel)
    }

    /// Queues a text for every subscriber of a channel, and returns the number of subscribers.
    pub(super) fn publish(&self, channel: &ChannelId, text: &Bytes) -> usize {
        self.listeners.get(channel).map_or(0, |listeners| listeners.publish(text))
    }

    /// Takes a message that was stored, for the subscribers of its channel. Returns true if messages are to be read from the database.
    pub(super) fn take_message(&mut self, channel: &ChannelId, position: i64, text: &Bytes) -> bool {
        self.listeners.get_mut(channel).is_some_and(|listeners| listeners.take(position, text))
    }

    /// Looks for messages of all channels in the database.
    pub(super) fn look_for_messages(&mut self) {
        self.listeners.values_mut().for_each(ChannelListeners::look);
    }

    /// Messages of some channel that are to be read from the database.
    pub(super) fn messages_to_read(&self) -> Option<MessagesToRead> {
        self.listeners.values().find_map(ChannelListeners::to_read)
    }

    /// Takes messages that were read from the database.
    pub(super) fn take_read(&mut self, read: &MessagesToRead, messages: &[(i64, Bytes)], is_complete: bool) {
        if let Some(listeners) = self.listeners.get_mut(&read.channel.id) {
            listeners.take_read(read, messages, is_complete);
        }
    }

    /// The agents that subscribe to channels, with the channels.
    pub(super) fn subscriptions(&self) -> HashSet<(AgentId, ChannelId)> {
        let listeners = self.listeners.iter();
        listeners.flat_map(|(channel, of)| of.agents().map(|agent| (agent.clone(), channel.clone()))).collect()
    }

    /// Returns true if an agent has a socket, at this gateway or at another one.
    pub(super) fn has_socket(&self, project: &ProjectId, agent: &AgentId) -> bool {
        self.projects.get(project).is_some_and(|room| room.sockets.contains_key(agent))
            || self.remote_sockets.has(agent)
    }

    /// Queues a text for all sockets of an agent at this gateway, and returns the number of sockets.
    pub(super) fn tell(&self, project: &ProjectId, agent: &AgentId, text: &Bytes) -> usize {
        let sockets = self.projects.get(project).and_then(|room| room.sockets.get(agent)).into_iter().flatten();
        sockets.map(|socket| socket.queue.push(text)).count()
    }

    /// The numbers of sessions and sockets of a project that are this gateway's.
    pub(super) fn counts(&self, project: &ProjectId) -> (usize, usize) {
        let Some(room) = self.projects.get(project) else { return (0, 0) };
        let is_alone = self.gateway == GatewayNumber::ALONE;
        let is_own = |session: &&ActiveSession| is_alone || session.row.generation.gateway() == self.gateway;
        (room.sessions.values().filter(is_own).count(), room.sockets.values().map(Vec::len).sum())
    }

    fn socket(&mut self, project: &ProjectId, agent: &AgentId, number: u64) -> Option<&mut OpenSocket> {
        let sockets = self.projects.get_mut(project)?.sockets.get_mut(agent)?;
        sockets.iter_mut().find(|socket| socket.number == number)
    }

    fn next_heard(&mut self) -> u64 {
        self.heard += 1;
        self.heard
    }

    /// Drops a project without sessions and sockets.
    fn tidy(&mut self, project: &ProjectId) {
        if self.projects.get(project).is_some_and(|room| room.sessions.is_empty() && room.sockets.is_empty()) {
            self.projects.remove(project);
        }
    }
}

impl ProjectSessions {
    fn tell_others(&self, agent: &AgentId, text: &Bytes) {
        let others = self.sockets.iter().filter(|(other, _)| *other != agent);
        others.flat_map(|(_, sockets)| sockets).for_each(|socket| socket.queue.push(text));
    }
}

fn unsubscribe(listeners: &mut HashMap<ChannelId, ChannelListeners>, channel: &ChannelId, number: u64) {
    if let Some(of_channel) = listeners.get_mut(channel) {
        of_channel.remove(number);
        if of_channel.is_empty() {
            listeners.remove(channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::generation::Generation;

    const NUMBER_OF_EVENTS: usize = 10;

    fn session(agent: &str) -> ActiveSession {
        ActiveSession::from(StoredSession {
            id: SessionId::random(),
            agent_id: agent.into(),
            project_id: "prj".into(),
            address: agent.to_owned(),
            title: None,
            metadata: "{}".to_owned(),
            connected_ms: 1,
            heartbeat_ms: 1,
            generation: Generation::now(),
        })
    }

    /// A state with sockets of agents.
    fn with_sockets<const N: usize>(agents: [&str; N]) -> (SessionTable, [(u64, Arc<SocketQueue>); N]) {
        let mut state = SessionTable::default();
        let sockets = agents.map(|agent| {
            let queue = Arc::new(SocketQueue::new(NUMBER_OF_EVENTS));
            (state.open(&"prj".into(), &agent.into(), &queue).0, queue)
        });
        (state, sockets)
    }

    fn waiting(queue: &SocketQueue) -> usize {
        queue.take_all().len()
    }

    #[test]
    fn a_session_is_told_to_others_when_it_begins_and_when_it_ends() {
        let (mut state, [(_, own), (_, other)]) = with_sockets(["a", "b"]);
        state.begin(session("a"));
        assert_eq!((waiting(&own), waiting(&other)), (0, 1));
        state.begin(session("a"));
        assert_eq!((waiting(&own), waiting(&other)), (0, 0), "there was one already");
        let (project, agent) = (ProjectId::from("prj"), AgentId::from("a"));
        assert!(state.end(&project, &agent, Some(&"sess_x".into()), SocketEnd::Disconnected).is_none());
        assert!(state.end(&project, &agent, None, SocketEnd::Disconnected).is_some());
        assert!(state.end(&project, &agent, None, SocketEnd::Disconnected).is_none());
        assert_eq!((waiting(&own), waiting(&other)), (0, 1));
    }

    #[test]
    fn the_socket_heard_from_least_recently_makes_room() {
        let (mut state, sockets) = with_sockets(["a", "a", "a"]);
        let (project, agent) = (ProjectId::from("prj"), AgentId::from("a"));
        state.note_heard(&project, &agent, sockets[0].0);
        let fourth = Arc::new(SocketQueue::new(NUMBER_OF_EVENTS));
        state.open(&project, &agent, &fourth);
        state.tell(&project, &agent, &Bytes::from_static(b"hello"));
        let heard: Vec<_> = sockets.iter().map(|(_, queue)| waiting(queue)).collect();
        assert_eq!((heard, waiting(&fourth)), (vec![1, 0, 1], 1));
        assert_eq!(state.counts(&project), (0, 3));
    }

    #[test]
    fn only_sockets_that_subscribe_hear_a_channel_until_their_agent_leaves() {
        let (mut state, [(one, first), (_, second), (other, third)]) = with_sockets(["a", "a", "b"]);
        let (project, channel) = (ProjectId::from("prj"), ChannelId::from("c"));
        assert!(state.subscribe((&project, &"a".into(), one), StoredChannel::sample("c"), None));
        assert!(state.subscribe((&project, &"b".into(), other), StoredChannel::sample("c"), None));
        let text = Bytes::from_static(b"hello");
        state.publish(&channel, &text);
        assert_eq!([&first, &second, &third].map(|queue| waiting(queue)), [1, 0, 1]);
        state.depart(&project, &"a".into(), &channel);
        state.publish(&channel, &text);
        assert_eq!([&first, &second, &third].map(|queue| waiting(queue)), [0, 0, 1]);
        state.unsubscribe(&project, &"b".into(), other, &channel);
        assert!(state.listeners.is_empty() && state.departures == 1);
    }

    #[test]
    fn sockets_at_other_gateways_count_and_the_one_heard_from_least_recently_ends_wherever_it_is() {
        let (mut state, [(_, local)]) = with_sockets(["a"]);
        let (project, agent, other) = (ProjectId::from("prj"), AgentId::from("a"), GatewayNumber::new(7).unwrap());
        let sockets = |heard_ms: &[i64]| AgentSockets {
            project: project.clone(),
            agent: agent.clone(),
            heard_ms: heard_ms.to_vec(),
        };
        state.remote_sockets.note(other, sockets(&[i64::MAX, 5]));
        let queue = Arc::new(SocketQueue::new(NUMBER_OF_EVENTS));
        assert_eq!(state.open(&project, &agent, &queue).1, Some(other));
        assert!(!local.has_ended());
        state.remote_sockets.note(other, sockets(&[i64::MAX]));
        assert_eq!(state.open(&project, &agent, &queue).1, None);
        assert!(local.has_ended());
        state.remote_sockets.forget(other);
        assert_eq!((state.remote_sockets.count(&agent), state.counts(&project)), (0, (0, 2)));
    }

    #[test]
    fn stored_sessions_of_other_gateways_are_taken_up_and_sessions_that_are_not_stored_end() {
        let (mut state, [(_, queue)]) = with_sockets(["z"]);
        state.gateway = GatewayNumber::new(1).unwrap();
        let (kept, gone, ended, came) = (session("a"), session("b"), session("c"), session("d"));
        for session in [&kept, &gone, &ended] {
            state.begin(session.clone());
        }
        let known = state.begin_comparison();
        assert!(state.end(&"prj".into(), &"c".into(), None, SocketEnd::Disconnected).is_some());
        waiting(&queue);
        state.end_comparison(known, [&kept, &ended, &came].map(|session| session.row.clone()).to_vec());
        let mut agents: Vec<_> =
            state.sessions(&"prj".into()).map(|session| session.row.agent_id.to_string()).collect();
        agents.sort();
        assert_eq!((agents, waiting(&queue)), (vec!["a".to_owned(), "d".to_owned()], 2));
    }

    #[test]
    fn a_session_that_is_older_than_the_present_one_does_not_begin() {
        let mut state = SessionTable::default();
        let (older, newer) = (session("a"), session("a"));
        state.begin(newer.clone());
        state.begin(older);
        let present = state.session(&"prj".into(), &"a".into());
        assert_eq!(present.map(|session| &session.row.id), Some(&newer.row.id));
    }

    #[test]
    fn nothing_is_kept_of_a_channel_that_was_deleted() {
        let (mut state, [(one, first), (other, second)]) = with_sockets(["a", "b"]);
        let (project, channel) = (ProjectId::from("prj"), ChannelId::from("c"));
        state.subscribe((&project, &"a".into(), one), StoredChannel::sample("c"), None);
        state.subscribe((&project, &"b".into(), other), StoredChannel::sample("c"), None);
        state.remove_channel(&channel);
        state.publish(&channel, &Bytes::from_static(b"hello"));
        assert_eq!([&first, &second].map(|queue| waiting(queue)), [0, 0]);
        let sockets = state.projects[&project].sockets.values().flatten();
        assert!(state.listeners.is_empty() && sockets.map(|socket| socket.channels.len()).sum::<usize>() == 0);
        assert_eq!(state.departures, 1, "a subscription that is under way looks again");
    }

    #[test]
    fn a_socket_has_a_bounded_number_of_subscriptions() {
        let (mut state, [(one, _)]) = with_sockets(["a"]);
        let (project, agent) = (ProjectId::from("prj"), AgentId::from("a"));
        for number in 0..MAX_SUBSCRIPTIONS {
            assert!(state.subscribe((&project, &agent, one), StoredChannel::sample(&format!("c{number}")), None));
        }
        assert!(!state.subscribe((&project, &agent, one), StoredChannel::sample("one too many"), None));
        assert!(state.subscribe((&project, &agent, one), StoredChannel::sample("c0"), None), "it is there already");
    }

    #[test]
    fn nothing_is_kept_of_those_who_are_gone() {
        let (mut state, [(one, _), (other, _)]) = with_sockets(["a", "b"]);
        let project = ProjectId::from("prj");
        state.subscribe((&project, &"a".into(), one), StoredChannel::sample("c"), None);
        state.begin(session("a"));
        assert_eq!(state.end_where(|_| true).len(), 1);
        state.close(&project, &"a".into(), one);
        state.close(&project, &"b".into(), other);
        assert!(state.projects.is_empty() && state.listeners.is_empty());
    }
}
