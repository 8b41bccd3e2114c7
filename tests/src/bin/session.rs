//! An agent that connects and sends the event `hello`. Environment variables have the URL and the key. Tests run it as a process.

use std::error::Error;

use platools::Secret;
use platools_client::RuntimeClient;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = RuntimeClient::builder().url(std::env::var("AGENT_URL")?).secret(Secret::env("AGENT_KEY")).build()?;
    let session = client.connect().await?;
    client.send(json!({"type": "hello", "data": {"from": session.address}})).await?;
    std::future::pending().await
}
