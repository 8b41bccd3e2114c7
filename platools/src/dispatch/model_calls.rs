//! [`ToolRegistry::call_from_model`]: runs a call that a language model asks for, in an application that talks to the model without a
//! platform.

use serde_json::Value;

use super::errors::unknown_tool;
use crate::registry::ToolRegistry;
use crate::tool::{Dialect, ToolError};

impl ToolRegistry {
    /// Calls a tool with the name and the arguments that a model wrote, which was shown the tools as
    /// [`export`](ToolRegistry::export) gives them for the same dialect.
    ///
    /// ```
    /// # use platools::{ToolRegistry, tool, tools};
    /// # use platools::tool::Dialect;
    /// # use serde_json::json;
    /// /// Greet someone.
    /// #[tool]
    /// async fn greet(name: String, title: Option<String>) -> String {
    ///     format!("Hello, {}{name}!", title.map(|title| title + " ").unwrap_or_default())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = ToolRegistry::new().with_tools(tools![greet])?;
    /// let tools = registry.export(Dialect::OpenAi); // Goes to the model with the messages.
    /// // In its answer, `tool_calls[0].function` has a name and the text of the arguments:
    /// let (name, arguments) = ("greet", r#"{"name": "Ada", "title": null}"#);
    /// assert_eq!(registry.call_from_model(Dialect::OpenAi, name, arguments).await?, json!("Hello, Ada!"));
    /// # assert_eq!(tools.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is no such tool, the arguments are no JSON, or the call failed. The text is meant for the model.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn call_from_model(&self, dialect: Dialect, name: &str, arguments: &str) -> Result<Value, ToolError> {
        let definition = self.get(name).ok_or_else(|| unknown_tool(name))?;
        let arguments = definition.to_export(dialect).arguments(arguments)?;
        self.call(name, &arguments).await
    }
}
