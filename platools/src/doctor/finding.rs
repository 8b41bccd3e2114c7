//! [`Finding`]: holds a violation of a rule, with its place.

use std::fmt;

use super::rule::{Rule, Severity};

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The tool; `None` for a finding about several.
    pub tool: Option<String>,
    /// The argument, or the path of a value within it, such as `lines/*/sku`.
    pub param: Option<String>,
    /// The finding in words.
    pub message: String,
}

impl Finding {
    pub(super) fn new(rule: Rule, message: String) -> Self {
        Self { rule, tool: None, param: None, message }
    }

    pub(super) fn of_tool(rule: Rule, tool: &str, message: String) -> Self {
        Self { tool: Some(tool.to_owned()), ..Self::new(rule, message) }
    }

    pub(super) fn of_param(rule: Rule, tool: &str, param: &str, message: String) -> Self {
        Self { param: Some(param.to_owned()), ..Self::of_tool(rule, tool, message) }
    }

    /// The severity of its rule.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// The place: the tool, or `tool.param`; empty for a finding about several tools.
    #[must_use]
    pub fn place(&self) -> String {
        [&self.tool, &self.param].into_iter().flatten().cloned().collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.severity().as_str(), self.rule)?;
        let place = self.place();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}
