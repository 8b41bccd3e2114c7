//! [`SharedSessions`]: the sessions, tickets and event handlers in memory, which HTTP requests, sockets and `SessionWriter` share.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::agent_event::EventHandler;
use super::agent_lookup::AgentLookup;
use super::event_handlers::EventHandlers;
use super::events;
use super::table::SessionTable;
use super::tickets::Tickets;
use crate::background::tasks::Tasks;
use crate::domain::generation::GenerationClock;
use crate::domain::identity::Caller;
use crate::domain::ids::{AgentId, ChannelId, GatewayNumber, ProjectId};
use crate::domain::lock::lock;
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use crate::ports::session_fan_out::{SessionFanOut, SessionUpdate, SocketMessage};
use crate::settings::RuntimeSettings;

/// The state that requests, sockets and the writer share.
#[derive(Debug)]
pub(super) struct SharedSessions {
    pub(super) settings: RuntimeSettings,
    pub(super) tickets: Tickets,
    pub(super) agents: AgentLookup,
    /// The application's handlers of custom events.
    pub(super) handlers: EventHandlers,
    /// The other gateways, if there are any.
    pub(super) fan_out: Option<Arc<dyn SessionFanOut>>,
    /// Makes the generations of sessions.
    pub(super) clock: Arc<GenerationClock>,
    /// Wakes the task that reads messages from the database.
    pub(super) messages_missing: Notify,
    table: Mutex<SessionTable>,
}

impl SharedSessions {
    /// No sessions yet, and handlers that run on the current tokio runtime.
    pub(super) fn new(
        settings: RuntimeSettings,
        agents: AgentLookup,
        handlers: Vec<EventHandler>,
        (tickets, clock, fan_out): (Tickets, Arc<GenerationClock>, Option<Arc<dyn SessionFanOut>>),
        tasks: &Tasks,
    ) -> Self {
        let gateway = fan_out.as_ref().map_or(GatewayNumber::ALONE, |fan_out| fan_out.gateway());
        let table = Mutex::new(SessionTable::new(agents.clone(), gateway));
        let (event_handlers, messages_missing) = (EventHandlers::default(), Notify::new());
        let shared =
            Self { settings, tickets, agents, handlers: event_handlers, fan_out, clock, messages_missing, table };
        handlers.into_iter().for_each(|handler| shared.handlers.add(handler, tasks));
        shared
    }

    /// The sessions and sockets, locked.
    pub(super) fn table(&self) -> MutexGuard<'_, SessionTable> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.table)
    }

    /// Sends an event to the sockets of a calling agent. The text is made only if a socket is open: most callers have none.
    fn tell_caller(&self, caller: &Caller, text: impl FnOnce() -> Bytes) {
        let Some(agent) = &caller.agent_id else { return };
        if self.table().has_socket(&caller.project_id, agent) {
            self.tell(&caller.project_id, agent, &text());
        }
    }

    /// Sends an event to all sockets of an agent, also those at other gateways. Returns the number of sockets.
    pub(super) fn tell(&self, project: &ProjectId, agent: &AgentId, text: &Bytes) -> usize {
        let (here, gateways) = {
            let table = self.table();
            let here = table.tell(project, agent, text);
            (here, table.remote_sockets.gateways(agent).collect::<Vec<_>>())
        };
        let Some(fan_out) = self.fan_out.as_ref().filter(|_| !gateways.is_empty()) else { return here };
        let (project, agent) = (project.clone(), agent.clone());
        let message = SocketMessage::Event { project, agent, event: raw(text) };
        gateways.iter().for_each(|(gateway, _)| fan_out.send(*gateway, &message));
        here + gateways.iter().map(|(_, count)| count).sum::<usize>()
    }

    /// Sends an event to all subscribers of a channel, also those at other gateways. Returns the number of subscribers at this one.
    pub(super) fn tell_channel(&self, channel: &ChannelId, text: &Bytes) -> usize {
        if let Some(fan_out) = &self.fan_out {
            fan_out.publish(SessionUpdate::ChannelEvent { channel: channel.clone(), event: raw(text) });
        }
        self.table().publish(channel, text)
    }

    /// Takes a message of a channel that was stored, for the subscribers at this gateway.
    pub(super) fn take_message(&self, channel: &ChannelId, position: i64, text: &Bytes) {
        if self.table().take_message(channel, position, text) {
            self.messages_missing.notify_one();
        }
    }

    /// Tells the other gateways of the sockets that an agent has here.
    pub(super) fn publish_sockets(&self, project: &ProjectId, agent: &AgentId) {
        if let Some(fan_out) = &self.fan_out {
            // The table stays locked, so that the last change is published last.
            let table = self.table();
            fan_out.publish(SessionUpdate::Sockets(table.sockets_of(project, agent)));
        }
    }
}

/// Tells an agent of its own calls.
impl CallObserver for SharedSessions {
    fn call_began(&self, call: &BegunCall<'_>) {
        self.tell_caller(call.caller, || events::tool_call(call));
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        self.tell_caller(call.caller, || events::tool_result(call));
    }
}

/// The text of an event, as a part of a message.
pub(super) fn raw(text: &Bytes) -> Box<RawValue> {
    let text = std::str::from_utf8(text).expect("events are JSON");
    RawValue::from_string(text.to_owned()).expect("events are JSON")
}
