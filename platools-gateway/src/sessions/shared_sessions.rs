//! [`SharedSessions`]: the sessions, tickets and event handlers in memory, which HTTP requests, sockets and `SessionWriter` share.

use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;

use super::agent_event::EventHandler;
use super::agent_lookup::AgentLookup;
use super::event_handlers::EventHandlers;
use super::events;
use super::table::SessionTable;
use super::tickets::Tickets;
use crate::background::tasks::Tasks;
use crate::domain::identity::Caller;
use crate::domain::lock::lock;
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use crate::settings::RuntimeSettings;

/// The state that requests, sockets and the writer share.
#[derive(Debug)]
pub(super) struct SharedSessions {
    pub(super) settings: RuntimeSettings,
    pub(super) tickets: Tickets,
    pub(super) agents: AgentLookup,
    /// The application's handlers of custom events.
    pub(super) handlers: EventHandlers,
    table: Mutex<SessionTable>,
}

impl SharedSessions {
    /// No sessions yet, and handlers that run on the current tokio runtime.
    pub(super) fn new(
        settings: RuntimeSettings,
        agents: AgentLookup,
        handlers: Vec<EventHandler>,
        tickets: Tickets,
        tasks: &Tasks,
    ) -> Self {
        let table = Mutex::new(SessionTable::new(agents.clone()));
        let shared = Self { settings, tickets, agents, handlers: EventHandlers::default(), table };
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
            let text = text();
            self.table().tell(&caller.project_id, agent, &text);
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
