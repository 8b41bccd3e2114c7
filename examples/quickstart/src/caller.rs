//! Calls tools over HTTP, and shows what goes back and forth.

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
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
