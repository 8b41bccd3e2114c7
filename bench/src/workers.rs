//! [`Kind`]: lists the workers that the benchmark compares. [`run`] runs one of them in a process of its own.

use std::path::Path;
use std::process::Stdio;

use platools::{PlatoolsClient, ToolRegistry, tool, tools};
use tokio::process::{Child, Command};

use crate::{bare, tungstenite};

/// The workers, each with the tools `add`, `wait` and `echo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Frames by hand and serde_json, nothing else.
    Bare,
    /// Tungstenite on a runtime of one thread, and serde_json.
    Tungstenite,
    /// Ours, with tools as they are by default.
    Default,
    /// Ours, with `inline` tools.
    Inline,
    /// The Python SDK.
    Python,
}

impl Kind {
    pub fn label(self) -> &'static str {
        match self {
            Self::Bare => "bare loop",
            Self::Tungstenite => "tungstenite",
            Self::Default => "platools",
            Self::Inline => "platools, `inline`",
            Self::Python => "Python SDK",
        }
    }

    /// Starts the worker as a process of its own.
    pub fn spawn(self, url: &str, python: Option<&Path>) -> anyhow::Result<Child> {
        let mut command = match python {
            Some(python) => {
                let mut command = Command::new(python);
                command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/worker.py")).arg(url);
                command
            }
            None => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["worker", &format!("{self:?}").to_lowercase(), url]);
                command
            }
        };
        Ok(command.stdin(Stdio::null()).kill_on_drop(true).spawn()?)
    }
}

mod isolated {
    use super::tool;

    /// Add two numbers.
    #[tool(no_output_schema)]
    pub async fn add(a: i64, b: i64) -> i64 {
        a + b
    }

    /// Add two numbers after a wait, the shortest there is.
    #[tool(no_output_schema)]
    pub async fn wait(a: i64, b: i64) -> i64 {
        tokio::task::yield_now().await;
        a + b
    }

    /// Return the text.
    #[tool(no_output_schema)]
    pub async fn echo(text: String) -> String {
        text
    }
}

mod inline {
    use super::tool;

    /// Add two numbers.
    #[tool(inline, no_output_schema)]
    pub async fn add(a: i64, b: i64) -> i64 {
        a + b
    }

    /// Add two numbers after a wait, the shortest there is.
    #[tool(inline, no_output_schema)]
    pub async fn wait(a: i64, b: i64) -> i64 {
        tokio::task::yield_now().await;
        a + b
    }

    /// Return the text.
    #[tool(inline, no_output_schema)]
    pub async fn echo(text: String) -> String {
        text
    }
}

/// Runs a worker in this process until the driver is gone.
pub fn run(kind: Kind, url: &str) -> anyhow::Result<()> {
    let tools = match kind {
        Kind::Bare => return bare::run(url),
        Kind::Tungstenite => return tungstenite::run(url),
        Kind::Default => tools![isolated::add, isolated::wait, isolated::echo],
        Kind::Inline => tools![inline::add, inline::wait, inline::echo],
        Kind::Python => anyhow::bail!("the Python worker is worker.py"),
    };
    // As under #[tokio::main], which is what workers run on.
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let registry = ToolRegistry::new().with_tools(tools)?;
        PlatoolsClient::builder().url(url).secret("bench").registry(registry).build()?.run_session().await?;
        Ok(())
    })
}
