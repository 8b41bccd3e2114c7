//! [`GatewayArgs`]: flags that name a running gateway and the key for it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

/// The environment variable with the key, if no file has it. A flag would be visible in the list of processes.
const KEY_VARIABLE: &str = "PLATOOLS_GATEWAY_KEY";

/// A running gateway, and the key for it.
#[derive(Debug, Args)]
pub(super) struct GatewayArgs {
    /// The gateway, such as https://gateway.example.com.
    #[arg(long, value_name = "URL", env = "PLATOOLS_GATEWAY_URL")]
    url: String,
    /// File with the key or token. Without it, PLATOOLS_GATEWAY_KEY has the key.
    #[arg(long, value_name = "FILE", env = "PLATOOLS_GATEWAY_KEY_FILE")]
    key_file: Option<PathBuf>,
}

impl GatewayArgs {
    /// The URL without a path.
    pub(super) fn base(&self) -> anyhow::Result<&str> {
        let (_, path) = split(&self.url)?;
        ensure!(path.is_empty(), "the gateway's URL has no path here");
        Ok(self.url.trim_end_matches('/'))
    }

    /// The key.
    pub(super) fn key(&self) -> anyhow::Result<SecretString> {
        read_key(self.key_file.as_deref())
    }
}

/// The key in a file, or in the environment.
pub(super) fn read_key(file: Option<&Path>) -> anyhow::Result<SecretString> {
    let key = match file {
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
    Ok(key)
}

/// The host and the path of a gateway's URL. An error does not repeat it, for it may have a secret in it.
pub(super) fn split(url: &str) -> anyhow::Result<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.context("the gateway's URL begins with https:// or http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    ensure!(!host.is_empty() && !host.contains('@'), "the gateway's URL has a host, and no key in it");
    Ok((host, path))
}
