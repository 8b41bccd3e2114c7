//! How the tools of the protocol's own test suite are reached, and the one that is about that.

use std::time::Duration;

use platools::serve::Command;
use platools::{Error, Platools, PlatoolsClient, Secret, ToolRegistry, tool, tools};

/// The tool whose answer does not arrive on the stream of its call: that ends before.
pub const RECONNECTION: &str = "test_reconnection";

/// Tests that an answer arrives after its stream was closed.
#[tool]
async fn test_reconnection() -> String {
    // Long enough for a client to be back first.
    tokio::time::sleep(Duration::from_millis(200)).await;
    "Reconnection test completed successfully.".to_owned()
}

/// Serves a registry, if that is what the command line says; else it dials the platform of the environment.
///
/// # Errors
/// It cannot do either.
pub async fn offer(registry: ToolRegistry, serve: Option<Command>) -> Result<(), Error> {
    let registry = registry.with_tools(tools![test_reconnection])?;
    let Some(serve) = serve else { return dial(registry).await };
    serve.run(registry).await
}

async fn dial(registry: ToolRegistry) -> Result<(), Error> {
    let url = std::env::var(Platools::URL_VARIABLE).expect("`serve` or PLATOS_URL says where to be reached");
    let secret = Secret::env(Platools::SECRET_VARIABLE);
    PlatoolsClient::builder().url(url).secret(secret).registry(registry).build()?.run_forever().await
}
