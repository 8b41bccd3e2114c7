//! What a registry declares, as a whole.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ToolRegistry;
use crate::tool::ToolDefinition;

impl ToolRegistry {
    /// Every tool's declaration, sorted by name and with the keys of every object sorted: the same tools give the same
    /// bytes, whatever the order they were added in.
    #[must_use]
    pub fn manifest(&self) -> Value {
        let mut tools: Vec<_> = self.definitions();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        let mut manifest = json!({ "tools": tools.iter().map(|tool| declaration(tool)).collect::<Vec<_>>() });
        manifest.sort_all_objects();
        manifest
    }

    /// The SHA-256 of the [`manifest`](Self::manifest) in hexadecimal: it changes exactly when a declaration does.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.manifest().to_string());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn declaration(tool: &ToolDefinition) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "output_schema": tool.output_schema,
        "auth": tool.auth,
        "roles": tool.roles,
        "annotations": tool.annotations,
    })
}
