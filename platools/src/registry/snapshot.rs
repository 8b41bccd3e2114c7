//! [`ToolSnapshot`]: finds tools of a registry without a lock, in a copy that follows the registry's changes.

use std::sync::Arc;

use tokio::sync::watch;

use super::{RegisteredTool, ToolRegistry};

/// A copy of a registry's tools that follows its changes.
#[derive(Debug)]
pub(crate) struct ToolSnapshot {
    registry: ToolRegistry,
    changes: watch::Receiver<u64>,
    /// Sorted by name.
    tools: Vec<Arc<RegisteredTool>>,
}

impl ToolSnapshot {
    /// Takes a copy of the tools as they are.
    pub(crate) fn new(registry: ToolRegistry) -> Self {
        let mut snapshot = Self { changes: registry.changes(), registry, tools: Vec::new() };
        snapshot.refresh();
        snapshot
    }

    /// The tool of that name as of now.
    pub(crate) fn find(&mut self, name: &str) -> Option<&Arc<RegisteredTool>> {
        // The registry holds the sender, so there is no error.
        if self.changes.has_changed().unwrap_or(true) {
            self.refresh();
        }
        let position = self.tools.binary_search_by(|tool| tool.name().cmp(name)).ok()?;
        self.tools.get(position)
    }

    fn refresh(&mut self) {
        // Before the tools are read, so that a change in between is seen the next time.
        self.changes.mark_unchanged();
        self.tools = self.registry.registered();
        self.tools.sort_by(|a, b| a.name().cmp(b.name()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::{ToolDefinition, ToolError};

    fn tool(name: &str) -> crate::tool::FunctionTool {
        ToolDefinition::new(name, "Do it.", json!({ "type": "object" }))
            .handler(async |_: serde_json::Value, _| Ok::<_, ToolError>(()))
    }

    #[test]
    fn a_change_of_the_registry_is_seen_by_the_next_lookup() {
        let registry = ToolRegistry::new();
        let mut snapshot = ToolSnapshot::new(registry.clone());
        assert!(snapshot.find("b").is_none());
        registry.insert(vec![tool("c"), tool("a"), tool("b")]).expect("valid tools");
        assert!(["a", "b", "c"].iter().all(|name| snapshot.find(name).is_some_and(|tool| tool.name() == *name)));
        let earlier = Arc::clone(snapshot.find("b").expect("it is there"));
        registry.replace(tool("b")).expect("a valid tool");
        assert!(!Arc::ptr_eq(&earlier, snapshot.find("b").expect("it is there")));
        registry.remove("b");
        assert!(snapshot.find("b").is_none() && snapshot.find("c").is_some());
    }
}
