//! [`Untold`]: the tools that models are not told of, so that each is logged once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::core::NamedTool;
use crate::core::error::Error;

/// Past so many tools the record begins again, which costs repeated lines only.
const MAX_TOOLS: usize = 10_000;

/// The declarations of tools that were logged.
#[derive(Debug, Default)]
pub(super) struct Untold(Mutex<HashSet<String>>);

impl Untold {
    /// Logs that models are not told of a tool, once for each declaration of it.
    pub(super) fn log(&self, tool: &NamedTool, error: &Error) {
        if self.is_new(tool) {
            let (entity, name) = (&tool.tool.identity.entity, &tool.tool.declaration.name);
            tracing::warn!(tool.name = name, entity, %error, "a tool was not shown to the model; correct its input schema");
        }
    }

    fn is_new(&self, tool: &NamedTool) -> bool {
        let key = format!("{}/{}", tool.tool.identity.entity_id, tool.tool.fingerprint);
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= MAX_TOOLS {
            logged.clear();
        }
        logged.insert(key)
    }
}
