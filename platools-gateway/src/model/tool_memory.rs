//! [`Untold`]: the tools that models are not told of, so that each is logged once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::digest::sha256;
use crate::domain::error::Error;
use crate::tools::NamedTool;

/// Past so many records they begin again, which costs repeated lines only.
const MAX_RECORDS: usize = 10_000;

/// Names of tools in one line of the log; the others are counted.
const MAX_NAMES: usize = 20;

/// The declarations and lists of tools that were logged.
#[derive(Debug, Default)]
pub(super) struct Untold(Mutex<HashSet<String>>);

impl Untold {
    /// Logs that models are not told of a tool, once for each declaration of it.
    pub(super) fn log(&self, tool: &NamedTool, error: &Error) {
        if self.is_new(format!("{}/{}", tool.tool.identity.entity_id, tool.tool.fingerprint)) {
            let (entity, name) = (&tool.tool.identity.entity, &tool.tool.declaration.name);
            tracing::warn!(tool.name = name, entity, %error, "a tool was not shown to the model; correct its input schema");
        }
    }

    /// Logs the tools past the number that a model takes, once for each list of them.
    pub(super) fn log_surplus(&self, count: usize, limit: usize, surplus: &[&NamedTool]) {
        let mut names: Vec<_> = surplus.iter().map(|tool| tool.handle.as_str()).collect();
        // Lists may be long.
        if self.is_new(sha256(&format!("{limit}/{}", names.join(" ")))) {
            names.truncate(MAX_NAMES);
            let (names, further) = (names.join(", "), surplus.len() - names.len());
            tracing::warn!(
                tools = count,
                limit,
                left_out = names,
                further,
                "tools past `model.max_tools` were not shown to the model; name those that the agent needs in its profile with \
                 `agent change AGENT --tool NAME`, or raise the setting if the endpoint takes more"
            );
        }
    }

    fn is_new(&self, record: String) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= MAX_RECORDS {
            logged.clear();
        }
        logged.insert(record)
    }
}
