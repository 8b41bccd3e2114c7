//! [`AgentSocket`]: the service's side of one socket of an agent, with the events that wait for it. [`Sessions`] opens it for a ticket.

use std::sync::Arc;

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::value::RawValue;

use super::shared_sessions::SharedSessions;
use super::socket_queue::{SocketEnd, SocketQueue};
use super::{AgentEvent, Peer, Sessions, events, tickets};
use crate::domain::audit::action;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Caller;
use crate::domain::ids::ChannelId;
use crate::domain::origin::RequestOrigin;
use crate::ports::session_fan_out::SocketMessage;
use crate::ports::time::now_ms;

/// A socket of an agent, until it is dropped.
#[derive(Debug)]
pub(crate) struct AgentSocket {
    shared: Arc<SharedSessions>,
    peer: Peer,
    number: u64,
    queue: Arc<SocketQueue>,
}

impl AgentSocket {
    /// The agent of the socket.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Notes that the agent sent a message.
    pub(crate) fn note_heard(&self) {
        self.shared.table().note_heard(&self.peer.caller.project_id, &self.peer.id, self.number);
    }

    /// The next event to write, or the reason why the socket ends. Cancel-safe.
    pub(crate) async fn next(&self) -> Result<Bytes, SocketEnd> {
        self.queue.next().await
    }

    /// Waits until it is to end. Cancel-safe.
    pub(crate) async fn ended(&self) -> SocketEnd {
        self.queue.ended().await
    }

    /// True if the socket has to end already.
    pub(crate) fn has_ended(&self) -> bool {
        self.queue.has_ended()
    }

    /// True if nothing waits to be written.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Removes and returns everything that waits to be written.
    pub(crate) fn take_waiting(&self) -> Vec<Bytes> {
        self.queue.take_all()
    }

    /// Answers a refused frame of the agent with an error event.
    pub(crate) fn refuse(&self, why: &str) {
        self.queue.push(&events::refused(why));
    }

    /// Passes a custom event of the agent to the application, and then sends it to all sockets of the agent.
    pub(crate) fn emit(&self, kind: &str, data: &RawValue) {
        self.shared.handlers.queue(|| self.agent_event(kind, data));
        let text = events::custom(kind, data);
        self.shared.tell(&self.peer.caller.project_id, &self.peer.id, &text);
    }

    fn agent_event(&self, kind: &str, data: &RawValue) -> AgentEvent {
        let (project, agent) = (&self.peer.caller.project_id, &self.peer.id);
        AgentEvent {
            agent_id: agent.clone(),
            agent: self.peer.slug.clone(),
            project_id: project.clone(),
            session_id: self.shared.table().session(project, agent).map(|session| session.row.id.clone()),
            kind: kind.to_owned(),
            data: data.to_owned(),
            received_ms: now_ms(),
        }
    }

    /// Ends the subscription to a channel.
    pub(crate) fn unsubscribe(&self, channel: &str) {
        let (project, agent) = (&self.peer.caller.project_id, &self.peer.id);
        self.shared.table().unsubscribe(project, agent, self.number, &ChannelId::from(channel));
    }
}

impl Drop for AgentSocket {
    fn drop(&mut self) {
        let (project, agent) = (&self.peer.caller.project_id, &self.peer.id);
        self.shared.table().close(project, agent, self.number);
        self.shared.publish_sockets(project, agent);
    }
}

impl Sessions {
    /// Issues a ticket that opens one socket for the agent.
    ///
    /// # Errors
    /// The agent asks for too much.
    pub(crate) fn issue_ticket(&self, peer: &Peer) -> Result<SecretString, Error> {
        let _under_way = self.limiter.admit_call(&peer.caller)?;
        let shared = &self.shared;
        Ok(shared.tickets.issue(&peer.id, peer.caller.clone(), shared.settings.ticket_lifetime))
    }

    /// Redeems a ticket, which is not valid afterwards. A key or token sent with it has to belong to the same agent.
    ///
    /// # Errors
    /// There is no ticket, it is not good, or it is another agent's; or the database failed.
    pub(crate) async fn admit_by_ticket(
        &self,
        ticket: Option<&SecretString>,
        key: Option<&SecretString>,
        from: RequestOrigin,
    ) -> Result<Peer, Error> {
        let no_good = || {
            let message =
                "the ticket is missing, used, expired or another agent's; get a new one with `POST /v1/ws/ticket`";
            Error::new(ErrorKind::Unauthenticated, message)
        };
        let caller = match ticket {
            Some(ticket) => self.take_ticket(ticket).await,
            None => None,
        };
        let Some(caller) = caller else {
            // Guessing is as hopeless as with keys, and costs as much.
            return Err(self.authenticator.refuse_credential(&from, no_good()));
        };
        let caller = Caller { origin: from.clone(), ..caller };
        if let Some(key) = key
            && self.authenticator.authenticate(key, from).await?.agent_id != caller.agent_id
        {
            let error = no_good();
            self.audit.refused(action::SOCKET_OPEN, &caller, "ticket", &error.to_string());
            return Err(error);
        }
        self.peer(caller)
    }

    /// Redeems a ticket at the gateway that issued it.
    async fn take_ticket(&self, ticket: &SecretString) -> Option<Caller> {
        match (&self.remote_tickets, self.shared.tickets.other_issuer(ticket)) {
            (Some(remote_tickets), Some(issuer)) => remote_tickets.take_ticket(issuer, &tickets::hash(ticket)).await,
            _ => self.shared.tickets.take(ticket),
        }
    }

    /// Redeems a ticket of this gateway for another one, by its hash.
    pub(crate) fn take_ticket_here(&self, hash: &str) -> Option<Caller> {
        self.shared.tickets.take_hashed(hash)
    }

    /// Adds a socket of an agent. If the agent has too many then, the socket heard from least recently ends.
    pub(crate) fn open_socket(&self, peer: Peer) -> AgentSocket {
        let shared = Arc::clone(&self.shared);
        let queue = Arc::new(SocketQueue::new(shared.settings.waiting_events));
        let (project, agent) = (&peer.caller.project_id, &peer.id);
        let (number, ends_at) = shared.table().open(project, agent, &queue);
        shared.publish_sockets(project, agent);
        if let (Some(gateway), Some(fan_out)) = (ends_at, &shared.fan_out) {
            let (project, agent) = (project.clone(), agent.clone());
            fan_out.send(gateway, &SocketMessage::TooMany { project, agent });
        }
        self.audit.signed_in(action::SOCKET_OPEN, (&peer.caller).into(), |event| {
            event.in_project(&peer.caller.project_id).on(peer.id.as_str())
        });
        AgentSocket { shared, peer, number, queue }
    }

    /// Subscribes a socket to a channel that its agent is a member of.
    ///
    /// # Errors
    /// There is no such channel, the agent is no member, it has too many subscriptions, or the database failed.
    pub(crate) async fn subscribe(&self, socket: &AgentSocket, channel: &str) -> Result<(), Error> {
        let (peer, project) = (&socket.peer, &socket.peer.caller.project_id);
        loop {
            let departures = self.shared.table().departures;
            // Only by id, as an unsubscription has nothing else either.
            let row = self.channel(&peer.caller, channel).await?;
            if row.id.as_str() != channel {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("`channelId` must be the channel's id, `{}`", row.id),
                ));
            }
            row.check_member()?;
            let next = self.next_position(&row).await?;
            let mut state = self.shared.table();
            // An agent has left a channel since the membership was read: perhaps this agent and this channel.
            if state.departures != departures {
                continue;
            }
            let is_subscribed = state.subscribe((project, &peer.id, socket.number), row, next);
            drop(state);
            if next.is_some() {
                self.shared.messages_missing.notify_one();
            }
            return match is_subscribed {
                true => Ok(()),
                false => Err(Error::new(ErrorKind::InvalidRequest, "this socket has too many subscriptions")),
            };
        }
    }
}
