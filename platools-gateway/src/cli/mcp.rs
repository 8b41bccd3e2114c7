//! `mcp`: lets an MCP client on the standard streams use a gateway, over the bridge.

use std::path::PathBuf;

use clap::Args;

use super::flags::{LogSection, SettingFlags};
use super::gateway_args::{read_key, split};
use crate::bridge;
use crate::logs;

/// The path of a gateway's tools.
const PATH: &str = "/mcp";

#[derive(Debug, Args)]
pub(super) struct McpArgs {
    /// The gateway, such as https://gateway.example.com: all its tools. With a path, such as /mcp/entities/orders: those there.
    #[arg(long, value_name = "URL", env = "PLATOOLS_GATEWAY_URL")]
    url: String,
    /// File with the key or token. Without it, PLATOOLS_GATEWAY_KEY has the key.
    #[arg(long, value_name = "FILE", env = "PLATOOLS_GATEWAY_KEY_FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    log: SettingFlags<LogSection>,
}

pub(super) async fn run(options: McpArgs) -> anyhow::Result<()> {
    logs::start(&options.log.load(None)?.log)?;
    let url = endpoint(&options.url)?;
    let key = read_key(options.key_file.as_deref())?;
    bridge::run(&url, &key).await
}

/// The endpoint that a URL means.
fn endpoint(url: &str) -> anyhow::Result<String> {
    let (_, path) = split(url)?;
    Ok(if path.is_empty() { format!("{}{PATH}", url.trim_end_matches('/')) } else { url.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_means_all_tools() {
        for (url, means) in [
            ("http://127.0.0.1:3100", "http://127.0.0.1:3100/mcp"),
            ("https://gateway.example.com/", "https://gateway.example.com/mcp"),
            ("https://gateway.example.com/mcp", "https://gateway.example.com/mcp"),
            ("https://a.example/mcp/entities/orders?env=prod", "https://a.example/mcp/entities/orders?env=prod"),
        ] {
            assert_eq!(endpoint(url).unwrap(), means);
        }
        for url in ["gateway.example.com", "ftp://a", "https://", "https://user:hush@a.example"] {
            let error = endpoint(url).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
