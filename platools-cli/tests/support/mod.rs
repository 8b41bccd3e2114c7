//! Starts a gateway and the program `platools mcp-host`, each for one test.

use std::process::Stdio;
use std::time::Duration;

use platools_gateway::Gateway;
use platools_gateway::dev::{self, DevOptions};
use platools_tests::{Caller, within};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Starts the program, which hosts an MCP server on a gateway. It is killed when the child is dropped.
pub(crate) fn start_host(gateway: &Gateway, arguments: &[&str]) -> Child {
    let mut host = Command::new(env!("CARGO_BIN_EXE_platools"));
    host.args(["mcp-host", "--url", &gateway.url()]).args(arguments).env("PLATOS_SECRET", dev::SECRET);
    host.env("PLATOOLS_MCP_TOKEN", TOKEN).env_remove("RUST_LOG");
    host.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the program starts")
}

/// The token that the hosted server wants.
const TOKEN: &str = "the-token";

/// A gateway, and a caller with its admin key.
pub(crate) async fn gateway() -> (Gateway, Caller) {
    let gateway = dev::start(DevOptions::with_known_secrets()).await.expect("a gateway");
    let caller = Caller::new(gateway.url(), dev::ADMIN_KEY);
    (gateway, caller)
}

/// Waits until the gateway lists the tool and its worker is online.
pub(crate) async fn hosted(caller: &Caller, tool: &str) -> Value {
    let found = async {
        loop {
            let tools = caller.tools().await;
            if let Some(tool) = tools.into_iter().find(|found| found["name"] == tool && found["online"] == true) {
                return tool;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    within(found).await
}
