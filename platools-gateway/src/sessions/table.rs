//! [`SessionTable`]: the sessions, sockets and subscriptions of all agents in memory. It ends the sessions of silent agents, a bounded
//! number at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use platools_protocol::runtime::MAX_SOCKETS;

use super::agent_lookup::AgentLookup;
use super::events;
use super::session::{ActiveSession, PresentAgent};
use super::socket_queue::{SocketEnd, SocketQueue};
use crate::domain::ids::{AgentId, ChannelId, ProjectId, SessionId};

/// The largest number of subscriptions of one socket.
const MAX_SUBSCRIPTIONS: usize = 10_000;

/// The number of sessions that end at once. The next ones follow half a second later.
const ENDED_AT_ONCE: usize = 128;

/// Sessions, sockets and subscriptions of all agents.
#[derive(Debug, Default)]
pub(super) struct SessionTable {
    projects: HashMap<ProjectId, ProjectSessions>,
    subscribers: HashMap<ChannelId, HashMap<u64, Subscriber>>,
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
    queue: Arc<SocketQueue>,
    channels: HashSet<ChannelId>,
}

#[derive(Debug)]
struct Subscriber {
    agent: AgentId,
    queue: Arc<SocketQueue>,
}

impl SessionTable {
    pub(super) fn new(agents: AgentLookup) -> Self {
        Self { agents, ..Self::default() }
    }

    /// Begins a session, which replaces an older one of the agent. Without an older one, the project's other agents are told.
    pub(super) fn begin(&mut self, session: ActiveSession) {
        let room = self.projects.entry(session.row.project_id.clone()).or_default();
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

    /// Takes the heartbeats that came since the last call.
    pub(super) fn take_heartbeats(&mut self) -> Vec<(SessionId, AgentId, i64)> {
        let sessions = self.projects.values_mut().flat_map(|room| room.sessions.values_mut());
        sessions.filter_map(ActiveSession::take_heartbeat).collect()
    }

    /// Adds a socket. If the agent has too many then, the socket heard from least recently ends.
    pub(super) fn open(&mut self, project: &ProjectId, agent: &AgentId, queue: &Arc<SocketQueue>) -> u64 {
        self.opened += 1;
        let (number, heard) = (self.opened, self.next_heard());
        let sockets = self.projects.entry(project.clone()).or_default().sockets.entry(agent.clone()).or_default();
        let oldest = sockets.iter().min_by_key(|socket| socket.heard).map(|socket| socket.number);
        let too_many = oldest.filter(|_| sockets.len() >= MAX_SOCKETS);
        if let Some(socket) = too_many.and_then(|number| sockets.iter().find(|socket| socket.number == number)) {
            socket.queue.finish(SocketEnd::Replaced);
        }
        sockets.push(OpenSocket { number, heard, queue: Arc::clone(queue), channels: HashSet::new() });
        if let Some(number) = too_many {
            self.close(project, agent, number);
        }
        number
    }

    /// Removes a socket.
    pub(super) fn close(&mut self, project: &ProjectId, agent: &AgentId, number: u64) {
        let Some(room) = self.projects.get_mut(project) else { return };
        let Some(sockets) = room.sockets.get_mut(agent) else { return };
        if let Some(at) = sockets.iter().position(|socket| socket.number == number) {
            let socket = sockets.remove(at);
            for channel in socket.channels {
                unsubscribe(&mut self.subscribers, &channel, number);
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
        }
    }

    /// Subscribes a socket to a channel. Returns false if it has too many subscriptions.
    pub(super) fn subscribe(&mut self, project: &ProjectId, agent: &AgentId, number: u64, channel: &ChannelId) -> bool {
        // The socket has ended meanwhile.
        let Some(socket) = self.socket(project, agent, number) else { return true };
        if socket.channels.len() >= MAX_SUBSCRIPTIONS && !socket.channels.contains(channel) {
            return false;
        }
        socket.channels.insert(channel.clone());
        let subscriber = Subscriber { agent: agent.clone(), queue: Arc::clone(&socket.queue) };
        self.subscribers.entry(channel.clone()).or_default().insert(number, subscriber);
        true
    }

    /// Ends a socket's subscription to a channel.
    pub(super) fn unsubscribe(&mut self, project: &ProjectId, agent: &AgentId, number: u64, channel: &ChannelId) {
        if let Some(socket) = self.socket(project, agent, number) {
            socket.channels.remove(channel);
            unsubscribe(&mut self.subscribers, channel, number);
        }
    }

    /// Ends the subscriptions of an agent's sockets to a channel.
    pub(super) fn depart(&mut self, project: &ProjectId, agent: &AgentId, channel: &ChannelId) {
        self.departures += 1;
        if let Some(subscribers) = self.subscribers.get_mut(channel) {
            subscribers.retain(|_, subscriber| subscriber.agent != *agent);
            if subscribers.is_empty() {
                self.subscribers.remove(channel);
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
        self.subscribers.remove(channel);
        let sockets = self.projects.values_mut().flat_map(|room| room.sockets.values_mut()).flatten();
        for socket in sockets {
            socket.channels.remove(channel);
        }
    }

    /// Returns true if a socket subscribes to a channel.
    pub(super) fn has_subscribers(&self, channel: &ChannelId) -> bool {
        self.subscribers.contains_key(channel)
    }

    /// Queues a text for every subscriber of a channel, and returns the number of subscribers.
    pub(super) fn publish(&self, channel: &ChannelId, text: &Bytes) -> usize {
        let subscribers = self.subscribers.get(channel).into_iter().flat_map(HashMap::values);
        subscribers.map(|subscriber| subscriber.queue.push(text)).count()
    }

    /// Returns true if an agent has a socket.
    pub(super) fn has_socket(&self, project: &ProjectId, agent: &AgentId) -> bool {
        self.projects.get(project).is_some_and(|room| room.sockets.contains_key(agent))
    }

    /// Queues a text for all sockets of an agent, and returns the number of sockets.
    pub(super) fn tell(&self, project: &ProjectId, agent: &AgentId, text: &Bytes) -> usize {
        let sockets = self.projects.get(project).and_then(|room| room.sockets.get(agent)).into_iter().flatten();
        sockets.map(|socket| socket.queue.push(text)).count()
    }

    /// The numbers of sessions and sockets of a project.
    pub(super) fn counts(&self, project: &ProjectId) -> (usize, usize) {
        let room = self.projects.get(project);
        room.map_or((0, 0), |room| (room.sessions.len(), room.sockets.values().map(Vec::len).sum()))
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

fn unsubscribe(subscribers: &mut HashMap<ChannelId, HashMap<u64, Subscriber>>, channel: &ChannelId, number: u64) {
    if let Some(of_channel) = subscribers.get_mut(channel) {
        of_channel.remove(&number);
        if of_channel.is_empty() {
            subscribers.remove(channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::StoredSession;

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
        })
    }

    /// A state with sockets of agents.
    fn with_sockets<const N: usize>(agents: [&str; N]) -> (SessionTable, [(u64, Arc<SocketQueue>); N]) {
        let mut state = SessionTable::default();
        let sockets = agents.map(|agent| {
            let queue = Arc::new(SocketQueue::new(NUMBER_OF_EVENTS));
            (state.open(&"prj".into(), &agent.into(), &queue), queue)
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
        assert!(state.subscribe(&project, &"a".into(), one, &channel));
        assert!(state.subscribe(&project, &"b".into(), other, &channel));
        let text = Bytes::from_static(b"hello");
        state.publish(&channel, &text);
        assert_eq!([&first, &second, &third].map(|queue| waiting(queue)), [1, 0, 1]);
        state.depart(&project, &"a".into(), &channel);
        state.publish(&channel, &text);
        assert_eq!([&first, &second, &third].map(|queue| waiting(queue)), [0, 0, 1]);
        state.unsubscribe(&project, &"b".into(), other, &channel);
        assert!(state.subscribers.is_empty() && state.departures == 1);
    }

    #[test]
    fn nothing_is_kept_of_a_channel_that_was_deleted() {
        let (mut state, [(one, first), (other, second)]) = with_sockets(["a", "b"]);
        let (project, channel) = (ProjectId::from("prj"), ChannelId::from("c"));
        state.subscribe(&project, &"a".into(), one, &channel);
        state.subscribe(&project, &"b".into(), other, &channel);
        state.remove_channel(&channel);
        state.publish(&channel, &Bytes::from_static(b"hello"));
        assert_eq!([&first, &second].map(|queue| waiting(queue)), [0, 0]);
        let sockets = state.projects[&project].sockets.values().flatten();
        assert!(state.subscribers.is_empty() && sockets.map(|socket| socket.channels.len()).sum::<usize>() == 0);
        assert_eq!(state.departures, 1, "a subscription that is under way looks again");
    }

    #[test]
    fn a_socket_has_a_bounded_number_of_subscriptions() {
        let (mut state, [(one, _)]) = with_sockets(["a"]);
        let (project, agent) = (ProjectId::from("prj"), AgentId::from("a"));
        for number in 0..MAX_SUBSCRIPTIONS {
            assert!(state.subscribe(&project, &agent, one, &format!("c{number}").as_str().into()));
        }
        assert!(!state.subscribe(&project, &agent, one, &"one too many".into()));
        assert!(state.subscribe(&project, &agent, one, &"c0".into()), "it is there already");
    }

    #[test]
    fn nothing_is_kept_of_those_who_are_gone() {
        let (mut state, [(one, _), (other, _)]) = with_sockets(["a", "b"]);
        let project = ProjectId::from("prj");
        state.subscribe(&project, &"a".into(), one, &"c".into());
        state.begin(session("a"));
        assert_eq!(state.end_where(|_| true).len(), 1);
        state.close(&project, &"a".into(), one);
        state.close(&project, &"b".into(), other);
        assert!(state.projects.is_empty() && state.subscribers.is_empty());
    }
}
