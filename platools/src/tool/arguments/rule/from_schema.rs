//! [`ArgumentRule::new`]: makes the rule from the schema that a worker declared in any language. The schema is prepared for checks first.

use serde_json::Value;

use super::{ArgumentRule, UncheckableSchema};
use crate::tool::definition::ToolDefinition;
use crate::tool::schema::prepare::PreparedSchema;
use platools_protocol::tool_sync::annotation::has_strict_arguments;

impl ArgumentRule {
    /// The rule for a schema, in the form of draft 2020-12 or of an earlier draft. Patterns that cannot be run in linear time, and
    /// references that lead nowhere or out of the schema, are left out of the checks.
    ///
    /// # Errors
    /// The schema is none, or its references multiply without bound.
    pub fn new(schema: &Value) -> Result<Self, UncheckableSchema> {
        PreparedSchema::new(schema).rule
    }

    /// The rule for a tool as it is declared: for its schema, and strict if its annotations say so.
    pub(crate) fn of(tool: &ToolDefinition) -> Result<Self, UncheckableSchema> {
        let rule = Self::new(&tool.input_schema)?;
        Ok(if has_strict_arguments(&tool.annotations) { rule.strict() } else { rule })
    }
}
