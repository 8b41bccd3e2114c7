//! [`Coverage`]: tells which tools and arguments a batch uses.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::registry::ToolRegistry;

/// The tools of a registry, and the cases of a batch that call them.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    tools: Vec<ToolCoverage>,
}

/// A tool, and the cases that call it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ToolCoverage {
    /// The name of the tool.
    pub tool: String,
    /// The number of cases that call it.
    pub cases: usize,
    /// The arguments that no case gives.
    pub unused_arguments: Vec<String>,
}

impl Coverage {
    /// `used` returns the number of cases of a tool, and the arguments that they give.
    pub(super) fn of<'a>(registry: &ToolRegistry, used: impl Fn(&str) -> (usize, BTreeSet<&'a str>)) -> Self {
        let tools = registry.definitions().into_iter().map(|definition| {
            let (cases, given) = used(&definition.name);
            let arguments = definition.input_schema.get("properties").and_then(Value::as_object);
            let names = arguments.into_iter().flatten().map(|(name, _)| name);
            let unused_arguments = names.filter(|name| !given.contains(name.as_str())).cloned().collect();
            ToolCoverage { tool: definition.name.clone(), cases, unused_arguments }
        });
        Self { tools: tools.collect() }
    }

    /// The tools, in the order they were added to the registry.
    #[must_use]
    pub fn tools(&self) -> &[ToolCoverage] {
        &self.tools
    }

    /// Returns true if every tool has a case, and every argument is given in one.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tools.iter().all(|tool| tool.cases > 0 && tool.unused_arguments.is_empty())
    }
}

/// Writes each tool as a line, and the counts last.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tool in &self.tools {
            write!(f, "{}: {} case{}", tool.tool, tool.cases, if tool.cases == 1 { "" } else { "s" })?;
            if tool.cases > 0 && !tool.unused_arguments.is_empty() {
                write!(f, ", without {}", tool.unused_arguments.join(", "))?;
            }
            writeln!(f)?;
        }
        let covered = self.tools.iter().filter(|tool| tool.cases > 0).count();
        writeln!(f, "{covered} of {} tools have a case", self.tools.len())
    }
}
