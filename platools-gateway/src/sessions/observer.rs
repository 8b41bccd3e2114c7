//! Agents are told of their own calls.

use super::{Shared, events};
use crate::domain::identity::Caller;
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};

impl CallObserver for Shared {
    fn call_began(&self, call: &BegunCall<'_>) {
        self.tell_caller(call.caller, || events::tool_call(call));
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        self.tell_caller(call.caller, || events::tool_result(call));
    }
}

impl Shared {
    fn tell_caller(&self, caller: &Caller, text: impl FnOnce() -> bytes::Bytes) {
        let Some(agent) = &caller.agent_id else { return };
        // Written only for whoever hears it: most calls are of those who do not.
        if !self.state().has_socket(&caller.project_id, agent) {
            return;
        }
        let text = text();
        self.state().tell(&caller.project_id, agent, &text);
    }
}
