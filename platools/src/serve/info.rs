//! [`Info`]: holds the name, version and instructions by which a local MCP server describes itself to clients.

use rmcp::model::{Implementation, ServerConfig};

use crate::mcp::server_config;

/// The description of a server for its clients.
#[derive(Debug, Clone)]
pub(super) struct Info {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) instructions: Option<String>,
}

impl Default for Info {
    fn default() -> Self {
        let program = std::env::current_exe().ok();
        let name = program.as_deref().and_then(|path| path.file_stem()?.to_str()).unwrap_or("platools");
        Self { name: name.to_owned(), version: "0.0.0".to_owned(), instructions: None }
    }
}

impl Info {
    /// The form of the protocol.
    pub(super) fn config(&self) -> ServerConfig {
        let mut config = server_config(Implementation::new(&self.name, &self.version));
        config.instructions.clone_from(&self.instructions);
        config
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    #[test]
    fn what_is_not_set_is_left_out() {
        let info = Info { name: "orders".to_owned(), ..Info::default() };
        let config = to_value(info.config()).expect("JSON");
        assert_eq!(config["serverInfo"], json!({ "name": "orders", "version": "0.0.0" }));
        assert_eq!(config["capabilities"], json!({ "logging": {}, "tools": { "listChanged": true } }));
        assert!(config.get("instructions").is_none());
    }

    #[test]
    fn instructions_that_are_set_are_told() {
        let info = Info { instructions: Some("Look before you cancel.".to_owned()), ..Info::default() };
        let config = to_value(info.config()).expect("JSON");
        assert_eq!(config["instructions"], "Look before you cancel.");
    }
}
