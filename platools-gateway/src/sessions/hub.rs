//! Observer of calls: tells an agent of its own calls.

use super::{SharedState, events};
use crate::domain::identity::Caller;
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};

impl CallObserver for SharedState {
    fn call_began(&self, call: &BegunCall<'_>) {
        self.tell_caller(call.caller, || events::tool_call(call));
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        self.tell_caller(call.caller, || events::tool_result(call));
    }
}

impl SharedState {
    fn tell_caller(&self, caller: &Caller, text: impl FnOnce() -> bytes::Bytes) {
        let Some(agent) = &caller.agent_id else { return };
        // The text is made only if a socket is open. Most callers have none.
        if !self.state().has_socket(&caller.project_id, agent) {
            return;
        }
        let text = text();
        self.state().tell(&caller.project_id, agent, &text);
    }
}
