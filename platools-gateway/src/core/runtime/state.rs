//! Who is there: sessions, sockets and what they subscribe to, without any I/O.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use platools::wire::runtime::MAX_SOCKETS;

use super::events;
use super::queue::{Queue, SocketEnd};
use super::session::Session;
use crate::core::ids::{AgentId, ChannelId, ProjectId, SessionId};

/// A socket has so many subscriptions.
const MAX_SUBSCRIPTIONS: usize = 10_000;

/// Who is there.
#[derive(Debug, Default)]
pub(super) struct State {
    projects: HashMap<ProjectId, Room>,
    subscribers: HashMap<ChannelId, HashMap<u64, Subscriber>>,
    /// How many sockets were opened; the number of the last one.
    opened: u64,
    /// How often somebody was heard from; the higher, the later.
    heard: u64,
    /// How often an agent left a channel.
    pub(super) departures: u64,
}

/// Those of one project.
#[derive(Debug, Default)]
struct Room {
    sessions: HashMap<AgentId, Session>,
    sockets: HashMap<AgentId, Vec<Socket>>,
}

#[derive(Debug)]
struct Socket {
    number: u64,
    heard: u64,
    queue: Arc<Queue>,
    channels: HashSet<ChannelId>,
}

#[derive(Debug)]
struct Subscriber {
    agent: AgentId,
    queue: Arc<Queue>,
}

impl State {
    /// Begins a session in the place of an older one of the agent's. Others are told unless there was one.
    pub(super) fn begin(&mut self, session: Session) {
        let room = self.projects.entry(session.project_id.clone()).or_default();
        let agent = session.agent_id.clone();
        let joined = events::joined(&session);
        if room.sessions.insert(agent.clone(), session).is_none() {
            room.tell_others(&agent, &joined);
        }
    }

    /// Takes up a session from before a restart. Nobody is told.
    pub(super) fn resume(&mut self, session: Session) {
        let room = self.projects.entry(session.project_id.clone()).or_default();
        room.sessions.insert(session.agent_id.clone(), session);
    }

    pub(super) fn session(&self, project: &ProjectId, agent: &AgentId) -> Option<&Session> {
        self.projects.get(project)?.sessions.get(agent)
    }

    /// The sessions of a project.
    pub(super) fn sessions(&self, project: &ProjectId) -> impl Iterator<Item = &Session> {
        self.projects.get(project).into_iter().flat_map(|room| room.sessions.values())
    }

    /// Notes a heartbeat, if there is a session.
    pub(super) fn beat(&mut self, project: &ProjectId, agent: &AgentId, now_ms: i64) -> Option<i64> {
        let session = self.projects.get_mut(project)?.sessions.get_mut(agent)?;
        session.beat(Instant::now(), now_ms);
        Some(session.heartbeat_ms)
    }

    /// Ends an agent's session and its sockets, and tells others. Without an id, whichever it has.
    pub(super) fn end(
        &mut self,
        project: &ProjectId,
        agent: &AgentId,
        id: Option<&SessionId>,
        why: SocketEnd,
    ) -> Option<Session> {
        let room = self.projects.get_mut(project)?;
        if id.is_some_and(|id| room.sessions.get(agent).is_none_or(|session| session.id != *id)) {
            return None;
        }
        let session = room.sessions.remove(agent)?;
        room.tell_others(agent, &events::left(&session));
        for socket in room.sockets.get(agent).into_iter().flatten() {
            socket.queue.finish(why);
        }
        self.tidy(project);
        Some(session)
    }

    /// Ends the sessions that were not heard from for so long, and those of agents that are gone.
    pub(super) fn end_where(&mut self, has_ended: impl Fn(&Session) -> bool) -> Vec<Session> {
        let sessions = self.projects.values().flat_map(|room| room.sessions.values());
        let ended: Vec<_> = sessions
            .filter(|session| has_ended(session))
            .map(|session| (session.project_id.clone(), session.agent_id.clone()))
            .collect();
        let mut end = |(project, agent)| self.end(&project, &agent, None, SocketEnd::SessionTimedOut);
        ended.into_iter().filter_map(&mut end).collect()
    }

    /// The heartbeats that came since they were last taken.
    pub(super) fn take_heartbeats(&mut self) -> Vec<(SessionId, AgentId, i64)> {
        let sessions = self.projects.values_mut().flat_map(|room| room.sessions.values_mut());
        sessions.filter_map(Session::take_heartbeat).collect()
    }

    /// Takes a socket in. If the agent has too many then, the one that was heard from least recently ends.
    pub(super) fn open(&mut self, project: &ProjectId, agent: &AgentId, queue: &Arc<Queue>) -> u64 {
        self.opened += 1;
        let (number, heard) = (self.opened, self.next_heard());
        let sockets = self.projects.entry(project.clone()).or_default().sockets.entry(agent.clone()).or_default();
        let oldest = sockets.iter().min_by_key(|socket| socket.heard).map(|socket| socket.number);
        let too_many = oldest.filter(|_| sockets.len() >= MAX_SOCKETS);
        if let Some(socket) = too_many.and_then(|number| sockets.iter().find(|socket| socket.number == number)) {
            socket.queue.finish(SocketEnd::Replaced);
        }
        sockets.push(Socket { number, heard, queue: Arc::clone(queue), channels: HashSet::new() });
        if let Some(number) = too_many {
            self.close(project, agent, number);
        }
        number
    }

    /// Forgets a socket.
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
    pub(super) fn heard(&mut self, project: &ProjectId, agent: &AgentId, number: u64) {
        let heard = self.next_heard();
        if let Some(socket) = self.socket(project, agent, number) {
            socket.heard = heard;
        }
    }

    /// Has a socket get the messages of a channel. Says whether there was room for that.
    pub(super) fn subscribe(&mut self, project: &ProjectId, agent: &AgentId, number: u64, channel: &ChannelId) -> bool {
        // A socket that has ended meanwhile needs none.
        let Some(socket) = self.socket(project, agent, number) else { return true };
        if socket.channels.len() >= MAX_SUBSCRIPTIONS && !socket.channels.contains(channel) {
            return false;
        }
        socket.channels.insert(channel.clone());
        let subscriber = Subscriber { agent: agent.clone(), queue: Arc::clone(&socket.queue) };
        self.subscribers.entry(channel.clone()).or_default().insert(number, subscriber);
        true
    }

    /// Has a socket get no more messages of a channel.
    pub(super) fn unsubscribe(&mut self, project: &ProjectId, agent: &AgentId, number: u64, channel: &ChannelId) {
        if let Some(socket) = self.socket(project, agent, number) {
            socket.channels.remove(channel);
            unsubscribe(&mut self.subscribers, channel, number);
        }
    }

    /// Has no socket of an agent get any more messages of a channel.
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

    /// Queues a text for everybody who subscribes to a channel.
    pub(super) fn publish(&self, channel: &ChannelId, text: &Bytes) {
        for subscriber in self.subscribers.get(channel).into_iter().flat_map(HashMap::values) {
            subscriber.queue.push(text);
        }
    }

    /// Whether an agent has a socket.
    pub(super) fn has_socket(&self, project: &ProjectId, agent: &AgentId) -> bool {
        self.projects.get(project).is_some_and(|room| room.sockets.contains_key(agent))
    }

    /// Queues a text for all sockets of an agent.
    pub(super) fn tell(&self, project: &ProjectId, agent: &AgentId, text: &Bytes) {
        if let Some(room) = self.projects.get(project) {
            room.sockets.get(agent).into_iter().flatten().for_each(|socket| socket.queue.push(text));
        }
    }

    /// How many sessions and sockets there are in a project.
    pub(super) fn counts(&self, project: &ProjectId) -> (usize, usize) {
        let room = self.projects.get(project);
        room.map_or((0, 0), |room| (room.sessions.len(), room.sockets.values().map(Vec::len).sum()))
    }

    fn socket(&mut self, project: &ProjectId, agent: &AgentId, number: u64) -> Option<&mut Socket> {
        let sockets = self.projects.get_mut(project)?.sockets.get_mut(agent)?;
        sockets.iter_mut().find(|socket| socket.number == number)
    }

    fn next_heard(&mut self) -> u64 {
        self.heard += 1;
        self.heard
    }

    /// Keeps nothing of a project where nobody is.
    fn tidy(&mut self, project: &ProjectId) {
        if self.projects.get(project).is_some_and(|room| room.sessions.is_empty() && room.sockets.is_empty()) {
            self.projects.remove(project);
        }
    }
}

impl Room {
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

/// Whether a session was not heard from for so long.
pub(super) fn is_silent(timeout: Duration) -> impl Fn(&Session) -> bool {
    let now = Instant::now();
    move |session| now.saturating_duration_since(session.heard) >= timeout
}
