//! [`Caller`]: calls tools through the gateway and prints requests and answers.

use platools_client::RpcClient;
use serde_json::Value;

/// A caller with a key.
pub(crate) struct Caller(RpcClient);

impl Caller {
    pub(crate) async fn connect(url: &str, key: &str) -> anyhow::Result<Self> {
        Ok(Self(RpcClient::builder().url(url).secret(key).user_id("quickstart").connect().await?))
    }

    /// Calls a tool and prints both directions.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) {
        println!("-> {tool} {arguments}");
        match self.0.call_tool(tool, arguments).send::<Value>().await {
            Ok(reply) => println!("<- {} ({} ms)\n", shortened(&reply.result), reply.latency_ms),
            Err(error) => println!("<- {error}\n"),
        }
    }

    pub(crate) async fn disconnect(&self) {
        self.0.disconnect().await;
    }
}

/// The longest result that is printed.
const SHOWN_CHARS: usize = 400;

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
