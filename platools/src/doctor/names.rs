//! [`check`]: finds names of tools that a model takes for each other.

use std::sync::Arc;

use super::finding::Finding;
use super::rule::Rule;
use crate::tool::ToolDefinition;

/// The shortest name that counts as confusable; two names of a few letters often differ in one.
const MIN_CHARS: usize = 6;

pub(super) fn check(tools: &[Arc<ToolDefinition>], findings: &mut Vec<Finding>) {
    for (index, tool) in tools.iter().enumerate() {
        let name = plain(&tool.name);
        for earlier in &tools[..index] {
            let other = plain(&earlier.name);
            if name == other {
                let message = format!("its name and `{}` differ only in case, `-` and `_`", earlier.name);
                findings.push(Finding::of_tool(Rule::ClashingName, &tool.name, message));
            } else if name.len().min(other.len()) >= MIN_CHARS && strsim::levenshtein(&name, &other) == 1 {
                let message = format!("its name and `{}` differ in one letter", earlier.name);
                findings.push(Finding::of_tool(Rule::ConfusableName, &tool.name, message));
            }
        }
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| !"-_".contains(*letter)).flat_map(char::to_lowercase).collect()
}
