//! Functions of [`Sessions`] for the other gateways of an installation: they apply the changes that those have stored, and read everything
//! again after changes were missed.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::Sessions;
use super::session::ActiveSession;
use super::socket_queue::SocketEnd;
use crate::domain::channel::StoredChannel;
use crate::domain::error::Error;
use crate::domain::ids::GatewayNumber;
use crate::ports::session_fan_out::{AgentSockets, SessionUpdate, SocketMessage};

impl Sessions {
    /// Applies a change that another gateway has stored.
    pub(crate) fn apply_update(&self, from: GatewayNumber, update: SessionUpdate) {
        let shared = &self.shared;
        match update {
            SessionUpdate::Began(row) => {
                shared.clock.observe(row.generation);
                shared.table().begin(ActiveSession::from(row));
            }
            SessionUpdate::Ended { project, agent, session, has_timed_out } => {
                let end = if has_timed_out { SocketEnd::SessionTimedOut } else { SocketEnd::Disconnected };
                drop(shared.table().end(&project, &agent, Some(&session), end));
            }
            SessionUpdate::Heard(heartbeats) => {
                let mut table = shared.table();
                heartbeats.iter().for_each(|heartbeat| table.note_heartbeat(heartbeat));
            }
            SessionUpdate::Left { project, agent, channel } => shared.table().depart(&project, &agent, &channel),
            SessionUpdate::ChannelRemoved(channel) => shared.table().remove_channel(&channel),
            SessionUpdate::Message { channel, position, event } => {
                shared.take_message(&channel, position, &text(event))
            }
            SessionUpdate::ChannelEvent { channel, event } => _ = shared.table().publish(&channel, &text(event)),
            SessionUpdate::Sockets(sockets) => shared.table().remote_sockets.note(from, sockets),
        }
    }

    /// Takes a message of another gateway for the sockets of an agent.
    pub(crate) fn take_socket_message(&self, message: SocketMessage) {
        match message {
            SocketMessage::Event { project, agent, event } => {
                _ = self.shared.table().tell(&project, &agent, &text(event))
            }
            SocketMessage::TooMany { project, agent } => {
                self.shared.table().end_oldest(&project, &agent);
                self.shared.publish_sockets(&project, &agent);
            }
        }
    }

    /// Reads sessions, memberships and messages again, after changes of other gateways were missed.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        if self.shared.fan_out.is_none() {
            return Ok(());
        }
        let known = self.shared.table().begin_comparison();
        let stored = self.session_store.runtime_sessions().await?;
        self.shared.table().end_comparison(known, stored);
        self.end_lost_subscriptions().await?;
        self.shared.table().look_for_messages();
        self.shared.messages_missing.notify_one();
        Ok(())
    }

    /// Ends the subscriptions of agents that have left a channel, and those to channels that were deleted.
    async fn end_lost_subscriptions(&self) -> Result<(), Error> {
        let subscriptions = self.shared.table().subscriptions();
        for (agent, channel) in subscriptions {
            let Some(project) = self.shared.agents.project(&agent) else { continue };
            match self.store.channel(&project, Some(&agent), channel.as_str()).await? {
                None => self.shared.table().remove_channel(&channel),
                Some(row) if !row.is_member => self.shared.table().depart(&project, &agent, &channel),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The sockets of all agents at this gateway.
    pub(crate) fn open_sockets(&self) -> Vec<AgentSockets> {
        self.shared.table().all_sockets()
    }

    /// Notes all sockets of agents at another gateway.
    pub(crate) fn replace_sockets(&self, of: GatewayNumber, sockets: Vec<AgentSockets>) {
        let mut table = self.shared.table();
        table.remote_sockets.forget(of);
        sockets.into_iter().for_each(|sockets| table.remote_sockets.note(of, sockets));
    }

    /// The position of the next message of a channel; none if only this gateway writes to it.
    pub(super) async fn next_position(&self, channel: &StoredChannel) -> Result<Option<i64>, Error> {
        match &self.shared.fan_out {
            Some(_) => self.store.next_position(&channel.id).await.map(Some),
            None => Ok(None),
        }
    }
}

fn text(event: Box<RawValue>) -> Bytes {
    String::from(Box::<str>::from(event)).into()
}
