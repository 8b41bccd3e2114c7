//! An agent that keeps its session until the signal SIGINT, and then disconnects. Tests run it as a process.

use std::error::Error;

use platools::Secret;
use platools_client::RuntimeClient;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let runtime = RuntimeClient::builder().url(std::env::var("AGENT_URL")?).secret(Secret::env("AGENT_KEY")).build()?;
    runtime.connect().await?;
    // On this runtime of one thread, the frame is written once the signal is listened for.
    runtime.send(json!({ "type": "ready" })).await?;
    tokio::signal::ctrl_c().await?;
    runtime.disconnect().await;
    Ok(())
}
