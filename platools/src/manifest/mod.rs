//! [`ManifestDiff`]: compares the tools of two releases of a worker, and tells whether callers of the old ones still work with the new ones.
//!
//! A manifest is the JSON that [`ToolRegistry::manifest`](crate::ToolRegistry::manifest) returns. Keep that of the last release in the
//! repository, and compare it in a test (`platools::testing::assert_manifest`) or in CI.

mod change;
mod schema_comparison;
mod tool_comparison;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use platools_transport::{Error, ErrorKind};
use tool_comparison::compare_tools;

pub use change::{Compatibility, ManifestChange};

/// The difference between two manifests.
///
/// ```
/// use platools::manifest::{Compatibility, ManifestDiff};
/// use serde_json::json;
///
/// let manifest = |limit: u32| {
///     json!({ "tools": [{
///         "name": "refund",
///         "description": "Refund an order.",
///         "input_schema": { "type": "object", "properties": { "euros": { "type": "integer", "maximum": limit } } },
///     }] })
/// };
/// let diff = ManifestDiff::between(&manifest(100), &manifest(50))?;
/// assert_eq!(diff.compatibility(), Compatibility::Breaking);
/// assert_eq!(diff.to_string(), "breaking: refund: argument /euros: `maximum` is 50, was 100\n");
/// assert_eq!(ManifestDiff::between(&manifest(50), &manifest(100))?.compatibility(), Compatibility::Compatible);
/// # Ok::<(), platools::Error>(())
/// ```
///
/// # Breaking changes
///
/// - A tool is gone, or fewer callers may call it (`auth`, `roles`).
/// - A call that was valid is not any more: an argument is gone, is required, takes fewer values, or has another default. A tool is strict that
///   was not.
/// - A result may have a form that it never had.
/// - A hint is weaker by which clients run a tool without asking: `readOnlyHint` is gone, or `destructiveHint` is new.
///
/// A change of a schema that this comparison does not understand, such as a new `not`, counts as breaking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestDiff {
    changes: Vec<ManifestChange>,
}

impl ManifestDiff {
    /// Compares two manifests.
    ///
    /// # Errors
    /// `old` or `new` is no manifest: [`InvalidSetting`](ErrorKind::InvalidSetting).
    pub fn between(old: &Value, new: &Value) -> Result<Self, Error> {
        let (old, new) = (tools_of("old", old)?, tools_of("new", new)?);
        let mut changes = Vec::new();
        for (name, tool) in &old {
            match new.get(name) {
                Some(changed) => compare_tools(name, tool, changed, &mut changes),
                None => changes.push(ManifestChange::breaking(name, "the tool is gone".to_owned())),
            }
        }
        let added = new.keys().filter(|name| !old.contains_key(*name));
        changes.extend(added.map(|name| ManifestChange::compatible(name, "the tool is new".to_owned())));
        Ok(Self { changes })
    }

    /// The changes, in the order of the tools' names.
    #[must_use]
    pub fn changes(&self) -> &[ManifestChange] {
        &self.changes
    }

    /// The compatibility of the least compatible change.
    #[must_use]
    pub fn compatibility(&self) -> Compatibility {
        self.changes.iter().map(|change| change.compatibility).max().unwrap_or(Compatibility::Unchanged)
    }
}

/// Writes each change as a line.
impl fmt::Display for ManifestDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

/// The tools of a manifest by name.
fn tools_of<'a>(which: &str, manifest: &'a Value) -> Result<BTreeMap<&'a str, &'a Value>, Error> {
    let invalid = || {
        let message = format!(
            "the {which} manifest is none: it must be an object with a list `tools` of objects with a `name`, \
             as `ToolRegistry::manifest` writes it"
        );
        Error::new(ErrorKind::InvalidSetting, message)
    };
    let tools = manifest.get("tools").and_then(Value::as_array).ok_or_else(invalid)?;
    let named = tools.iter().map(|tool| tool.get("name").and_then(Value::as_str).map(|name| (name, tool)));
    named.collect::<Option<_>>().ok_or_else(invalid)
}

#[cfg(test)]
mod tests;
