//! [`printed`]: runs a program to its end and returns the JSON that it printed.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::installed_programs::{home, module, node};
use crate::within;

/// The inspector of the Model Context Protocol, in its command-line mode.
///
/// # Panics
/// It is not installed.
#[must_use]
pub fn inspector() -> Command {
    let mut inspector = Command::new(node());
    inspector.arg(module("@modelcontextprotocol/inspector/clients/cli/build/index.js")).arg("--quiet");
    // What it keeps about servers stays with the rest of it.
    inspector.env("HOME", home());
    inspector
}

/// The JSON that a program prints.
///
/// # Panics
/// It fails, or prints something else.
pub async fn printed(mut program: Command) -> Value {
    program.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1").stdin(Stdio::null()).kill_on_drop(true);
    let Output { status, stdout, stderr } = within(program.output()).await.expect("it starts");
    assert!(status.success(), "{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).expect("it prints JSON")
}
