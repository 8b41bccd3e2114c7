//! Calls tools over HTTP, and shows what goes back and forth.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// Results are cut here, for the eye.
const SHOWN_CHARS: usize = 400;

/// A caller with a key.
pub(crate) struct Caller {
    http: reqwest::Client,
    url: String,
}

impl Caller {
    pub(crate) fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {key}"))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        // The gateway is on this machine, where no proxy leads.
        let http = reqwest::Client::builder().default_headers(headers).no_proxy().build()?;
        Ok(Self { http, url: url.to_owned() })
    }

    /// Waits until the worker's tools are registered.
    pub(crate) async fn wait_for_tools(&self) -> anyhow::Result<()> {
        for _ in 0..100 {
            if self.tools().await?.iter().any(|tool| tool["online"] == true) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the worker's tools are not registered after five seconds");
    }

    /// Calls a tool and prints both directions.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> anyhow::Result<()> {
        println!("-> {tool} {arguments}");
        let url = format!("{}/v1/tools/{tool}/call", self.url);
        let response = self.http.post(url).json(&json!({ "arguments": arguments })).send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        if status.is_success() {
            println!("<- {} ({} ms)\n", shortened(&answer["result"]), answer["latencyMs"]);
        } else {
            println!("<- {status}: {}\n", answer["detail"].as_str().unwrap_or_default());
        }
        Ok(())
    }

    async fn tools(&self) -> anyhow::Result<Vec<Value>> {
        let answer: Value =
            self.http.get(format!("{}/v1/tools", self.url)).send().await?.error_for_status()?.json().await?;
        Ok(answer["tools"].as_array().context("the gateway lists its tools")?.clone())
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
