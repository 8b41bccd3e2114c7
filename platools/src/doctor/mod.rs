//! [`Doctor`]: checks the declarations of tools for mistakes that no compiler finds: arguments that no caller can know, names that models mix
//! up, schemas that a model's interface does not take.
//!
//! The first [rules](Rule), up to `missing_destructive_hint`, are the ten of the existing SDKs, with the same codes and severities; short
//! descriptions of tools and of arguments have a code each. The others are of this crate.
//!
//! ```
//! use platools::doctor::{Doctor, Rule};
//! use platools::{ToolRegistry, tool, tools};
//!
//! /// Delete the order of a customer.
//! #[tool]
//! async fn delete_order(
//!     /// Public order id, such as ord-1042.
//!     #[arg(length(1..=20))]
//!     order_id: String,
//! ) {
//! }
//!
//! # fn main() -> Result<(), platools::Error> {
//! let registry = ToolRegistry::new().with_tools(tools![delete_order])?;
//! let report = Doctor::new(&registry).check();
//! let codes: Vec<_> = report.findings().iter().map(|finding| finding.rule.code()).collect();
//! assert_eq!(codes, ["unreachable_param", "no_return_schema", "missing_destructive_hint"]);
//!
//! // In a test, with the reasons for what stays:
//! let doctor = Doctor::new(&registry)
//!     .allow_everywhere(Rule::UnreachableParam, "people type the ids of their orders")
//!     .allow("delete_order", Rule::MissingDestructiveHint, "an order that was deleted can be restored");
//! doctor.check().assert_healthy();
//! # Ok(())
//! # }
//! ```

mod declarations;
mod finding;
mod models;
mod names;
mod report;
mod rule;
mod sarif;
mod sources;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::registry::ToolRegistry;
use crate::tool::ToolDefinition;
use report::Allowance;

pub use finding::Finding;
pub use report::DoctorReport;
pub use rule::{Rule, Severity};

/// Checks declarations of tools. It reads nothing but them, and calls no tool.
#[derive(Debug, Clone)]
#[must_use = "nothing is checked before `check`"]
pub struct Doctor {
    tools: Vec<Arc<ToolDefinition>>,
    agent_tools: Option<BTreeSet<String>>,
    roles_in_use: Option<BTreeSet<String>>,
    allowances: Vec<Allowance>,
}

impl Doctor {
    /// Checks the tools of a registry, as they are now.
    pub fn new(registry: &ToolRegistry) -> Self {
        Self::of(registry.definitions())
    }

    /// Checks these declarations.
    pub fn of(tools: impl IntoIterator<Item = impl Into<Arc<ToolDefinition>>>) -> Self {
        let tools = tools.into_iter().map(Into::into).collect();
        Self { tools, agent_tools: None, roles_in_use: None, allowances: Vec::new() }
    }

    /// Names the tools that agents have; a tool that is none of them is an [orphan](Rule::OrphanTool). Default: unknown, and not checked.
    pub fn agent_tools(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.agent_tools = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Names the roles that agents have; a tool with another one has a [permission gap](Rule::PermissionGap). Default: unknown, and not
    /// checked.
    pub fn roles_in_use(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.roles_in_use = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Allows the findings of a rule for one tool, and says why. The report keeps them apart.
    pub fn allow(mut self, tool: impl Into<String>, rule: Rule, reason: impl Into<String>) -> Self {
        self.allowances.push(Allowance { tool: Some(tool.into()), rule, reason: reason.into() });
        self
    }

    /// Allows the findings of a rule for all tools, and says why.
    pub fn allow_everywhere(mut self, rule: Rule, reason: impl Into<String>) -> Self {
        self.allowances.push(Allowance { tool: None, rule, reason: reason.into() });
        self
    }

    /// Applies every rule.
    #[must_use]
    pub fn check(&self) -> DoctorReport {
        let mut findings = Vec::new();
        sources::check(&self.tools, &mut findings);
        declarations::check(&self.tools, &mut findings);
        declarations::check_agents(&self.tools, self.agent_tools.as_ref(), self.roles_in_use.as_ref(), &mut findings);
        names::check(&self.tools, &mut findings);
        models::check(&self.tools, &mut findings);
        values::check(&self.tools, &mut findings);
        DoctorReport::new(self.tools.len(), findings, &self.allowances)
    }
}

#[cfg(test)]
mod tests;
