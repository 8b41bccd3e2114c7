//! [`EventQueue`]: the custom events that wait for one handler, within bounds for all agents together and for each agent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::agent_event::AgentEvent;
use crate::domain::ids::AgentId;
use crate::domain::lock::lock;

/// Events that wait for one handler.
const MAX_EVENTS: usize = 4096;

/// Bytes of the events that wait for one handler.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Events of one agent among them, so that a busy agent costs no other one its events.
const MAX_EVENTS_OF_AGENT: usize = 512;

/// Bytes of the events of one agent among them.
const MAX_BYTES_OF_AGENT: usize = 4 * 1024 * 1024;

/// The events that wait for one handler, in the order of arrival. Adding one never waits.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    waiting: Mutex<QueuedEvents>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct QueuedEvents {
    events: VecDeque<AgentEvent>,
    total: Load,
    of_agent: HashMap<AgentId, Load>,
    is_closed: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Load {
    events: usize,
    bytes: usize,
}

impl Load {
    fn has_room(self, bytes: usize, most: Self) -> bool {
        self.events < most.events && self.bytes.saturating_add(bytes) <= most.bytes
    }

    fn add(&mut self, bytes: usize) {
        self.events += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.events -= 1;
        self.bytes -= bytes;
    }
}

const OF_ALL: Load = Load { events: MAX_EVENTS, bytes: MAX_BYTES };

const OF_AGENT: Load = Load { events: MAX_EVENTS_OF_AGENT, bytes: MAX_BYTES_OF_AGENT };

impl EventQueue {
    /// Adds an event. Returns false if there is no room for it.
    pub(super) fn push(&self, event: AgentEvent) -> bool {
        let mut waiting = self.lock();
        let is_taken = waiting.push(event);
        drop(waiting);
        self.changed.notify_one();
        is_taken
    }

    /// The next event; none once the queue is closed and empty. Cancel-safe.
    pub(super) async fn next(&self) -> Option<AgentEvent> {
        loop {
            {
                let mut waiting = self.lock();
                if let Some(event) = waiting.pop() {
                    return Some(event);
                }
                if waiting.is_closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Closes the queue for new events.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, QueuedEvents> {
        // Every section leaves the queue whole, so a panic in another task spoils nothing.
        lock(&self.waiting)
    }
}

impl QueuedEvents {
    fn push(&mut self, event: AgentEvent) -> bool {
        let bytes = event.size();
        let of_agent = self.of_agent.get(&event.agent_id).copied().unwrap_or_default();
        if self.is_closed || !self.total.has_room(bytes, OF_ALL) || !of_agent.has_room(bytes, OF_AGENT) {
            return false;
        }
        self.total.add(bytes);
        self.of_agent.entry(event.agent_id.clone()).or_default().add(bytes);
        self.events.push_back(event);
        true
    }

    fn pop(&mut self) -> Option<AgentEvent> {
        let event = self.events.pop_front()?;
        let bytes = event.size();
        self.total.remove(bytes);
        if let Some(load) = self.of_agent.get_mut(&event.agent_id) {
            load.remove(bytes);
            if load.events == 0 {
                self.of_agent.remove(&event.agent_id);
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn event(agent: &str, data_bytes: usize) -> AgentEvent {
        AgentEvent {
            agent_id: agent.into(),
            agent: agent.to_owned(),
            project_id: "prj".into(),
            session_id: None,
            kind: "custom.event".to_owned(),
            data: RawValue::from_string(format!("\"{}\"", "x".repeat(data_bytes))).unwrap(),
            received_ms: 0,
        }
    }

    #[tokio::test]
    async fn events_come_in_order_until_the_queue_is_closed_and_empty() {
        let queue = EventQueue::default();
        for agent in ["a", "b", "a"] {
            assert!(queue.push(event(agent, 1)));
        }
        queue.close();
        assert!(!queue.push(event("late", 1)));
        for agent in ["a", "b", "a"] {
            assert_eq!(queue.next().await.unwrap().agent, agent);
        }
        assert!(queue.next().await.is_none());
        assert!(queue.lock().of_agent.is_empty() && queue.lock().total == Load::default());
    }

    #[test]
    fn an_agent_that_sends_too_much_costs_no_other_one_its_events() {
        let queue = EventQueue::default();
        for _ in 0..MAX_EVENTS_OF_AGENT {
            assert!(queue.push(event("busy", 1)));
        }
        assert!(!queue.push(event("busy", 1)));
        assert!(queue.push(event("large", MAX_BYTES_OF_AGENT - 1000)));
        assert!(!queue.push(event("large", 1000)));
        assert!(queue.push(event("calm", 1)));
    }

    #[test]
    fn all_agents_together_are_bounded_as_well() {
        let (queue, heavy) = (EventQueue::default(), EventQueue::default());
        let taken = (0..2 * MAX_EVENTS).filter(|number| queue.push(event(&number.to_string(), 1))).count();
        assert_eq!(taken, MAX_EVENTS);
        let taken = (0..20).filter(|number| heavy.push(event(&number.to_string(), 2 * 1024 * 1024))).count();
        assert_eq!(taken, 15);
    }
}
