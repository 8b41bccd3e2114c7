//! `mcp`: lets an MCP client on the standard streams use a gateway, over the bridge.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use super::flags::{LogSection, SettingFlags};
use crate::bridge;
use crate::logs;

/// The environment variable with the key, if no file has it. A flag would be visible in the list of processes.
const KEY_VARIABLE: &str = "PLATOOLS_GATEWAY_KEY";

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
    let key = match &options.key_file {
        Some(file) => {
            let text = std::fs::read_to_string(file);
            text.with_context(|| format!("the key file {} cannot be read", file.display()))?
        }
        None => std::env::var(KEY_VARIABLE).unwrap_or_default(),
    };
    let key = SecretString::from(key.trim());
    if key.expose_secret().is_empty() {
        bail!("say with which key: `--key-file FILE`, or {KEY_VARIABLE} in the environment");
    }
    bridge::run(&url, &key).await
}

/// The endpoint that a URL means.
fn endpoint(url: &str) -> anyhow::Result<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    // Not repeated, for it may have a secret in it.
    let rest = rest.context("the gateway's URL begins with https:// or http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    ensure!(!host.is_empty() && !host.contains('@'), "the gateway's URL has a host, and no key in it");
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
