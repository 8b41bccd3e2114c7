//! [`Info`]: a server's description of itself.

use rmcp::model::{Icon as WireIcon, Implementation, ServerConfig};

use crate::mcp::server_config;

/// A picture for a server, for clients that show one.
///
/// ```
/// use platools::serve::Icon;
///
/// let icon = Icon::new("https://example.com/orders.png").mime_type("image/png").size("48x48");
/// # let _ = icon;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Icon(WireIcon);

impl Icon {
    /// The picture at a URL: `https:`, or `data:` with the picture itself.
    pub fn new(url: impl Into<String>) -> Self {
        Self(WireIcon::new(url))
    }

    /// Its type, such as `image/png`. Default: what the URL's server says.
    pub fn mime_type(self, mime_type: impl Into<String>) -> Self {
        Self(self.0.with_mime_type(mime_type))
    }

    /// A size that it is made for, as `48x48`, or `any` for one that scales; may be called several times. Default: any.
    pub fn size(mut self, size: impl Into<String>) -> Self {
        self.0.sizes.get_or_insert_default().push(size.into());
        self
    }
}

/// The description of a server for its clients.
#[derive(Debug, Clone)]
pub(super) struct Info {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) title: Option<String>,
    pub(super) instructions: Option<String>,
    pub(super) icons: Vec<Icon>,
}

impl Default for Info {
    fn default() -> Self {
        let program = std::env::current_exe().ok();
        let name = program.as_deref().and_then(|path| path.file_stem()?.to_str()).unwrap_or("platools");
        Self { name: name.to_owned(), version: "0.0.0".to_owned(), title: None, instructions: None, icons: Vec::new() }
    }
}

impl Info {
    /// The form of the protocol.
    pub(super) fn config(&self) -> ServerConfig {
        let mut server = Implementation::new(&self.name, &self.version);
        server.title.clone_from(&self.title);
        server.icons = (!self.icons.is_empty()).then(|| self.icons.iter().map(|icon| icon.0.clone()).collect());
        let mut config = server_config(server);
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
    fn everything_that_is_set_is_told() {
        let info = Info {
            title: Some("Orders".to_owned()),
            instructions: Some("Look before you cancel.".to_owned()),
            icons: vec![Icon::new("data:,x").mime_type("image/png").size("48x48").size("any")],
            ..Info::default()
        };
        let config = to_value(info.config()).expect("JSON");
        assert_eq!(config["instructions"], "Look before you cancel.");
        assert_eq!(config["serverInfo"]["title"], "Orders");
        let icon = json!({ "src": "data:,x", "mimeType": "image/png", "sizes": ["48x48", "any"] });
        assert_eq!(config["serverInfo"]["icons"], json!([icon]));
    }
}
