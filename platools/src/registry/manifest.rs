//! Exports of a whole [`ToolRegistry`]: `export` has its tools in the form that a model or an MCP client reads. `manifest` is the sorted
//! list of all declarations, and `fingerprint` is a hash of the manifest.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ToolRegistry;
use crate::tool::Dialect;

impl ToolRegistry {
    /// The tools in the form that a consumer takes, in the order they were added.
    ///
    /// ```
    /// use platools::tool::Dialect;
    /// use platools::{ToolRegistry, tool, tools};
    ///
    /// /// Convert dollars to euros.
    /// #[tool]
    /// async fn to_euros(dollars: f64) -> f64 {
    ///     dollars * 0.92
    /// }
    ///
    /// # fn main() -> Result<(), platools::Error> {
    /// let registry = ToolRegistry::new().with_tools(tools![to_euros])?;
    /// assert_eq!(registry.export(Dialect::Mcp)[0]["name"], "to_euros");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn export(&self, dialect: Dialect) -> Vec<Value> {
        self.definitions().iter().map(|tool| tool.export(dialect)).collect()
    }

    /// Every tool's declaration, sorted by name and with the keys of every object sorted: the same tools give the same
    /// bytes, whatever the order they were added in.
    #[must_use]
    pub fn manifest(&self) -> Value {
        let mut tools = self.definitions();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        let tools: Vec<_> = tools.iter().map(|tool| tool.export(Dialect::Platform)).collect();
        let mut manifest = json!({ "tools": tools });
        manifest.sort_all_objects();
        manifest
    }

    /// The SHA-256 of the [`manifest`](Self::manifest) in hexadecimal: it changes exactly when a declaration does.
    ///
    /// ```
    /// # use platools::{ToolRegistry, tool, tools};
    /// # /// Add two numbers.
    /// # #[tool]
    /// # async fn add(a: i64, b: i64) -> i64 { a + b }
    /// let registry = ToolRegistry::new();
    /// let empty = registry.fingerprint();
    /// registry.insert(tools![add])?;
    /// assert_ne!(registry.fingerprint(), empty);
    /// # Ok::<(), platools::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.manifest().to_string()))
    }
}
