//! [`HostedTools`]: collects the tools and the state that an author gives to a client's builder, and adds them to the registry when the
//! client is built.

use std::fmt;

use crate::registry::ToolRegistry;
use crate::tool::{State, Tool};
use platools_transport::Error;

/// Tools and state that were given to a builder, in whatever order.
#[derive(Default)]
pub(super) struct HostedTools {
    pub(super) tools: Vec<Box<dyn Tool>>,
    pub(super) state: State,
}

impl HostedTools {
    /// Adds them to a registry, and checks that no tool lacks state.
    pub(super) fn add_to(self, registry: &ToolRegistry) -> Result<(), Error> {
        registry.extend_state(self.state);
        registry.insert(self.tools)?;
        registry.check()
    }
}

impl fmt::Debug for HostedTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedTools").field("tools", &self.tools.len()).field("state", &self.state).finish()
    }
}
