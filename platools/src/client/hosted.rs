//! Tools and state that are added to a client's registry when the client is built.

use std::fmt;

use crate::registry::ToolRegistry;
use crate::tool::{State, Tool};
use platools_transport::Error;

/// Tools and state that were given to a builder, in whatever order.
#[derive(Default)]
pub(super) struct Hosted {
    pub(super) tools: Vec<Box<dyn Tool>>,
    pub(super) state: State,
}

impl Hosted {
    /// Adds them to a registry, and checks that no tool lacks state.
    pub(super) fn add_to(self, registry: &ToolRegistry) -> Result<(), Error> {
        registry.extend_state(self.state);
        registry.insert(self.tools)?;
        registry.check()
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted").field("tools", &self.tools.len()).field("state", &self.state).finish()
    }
}
