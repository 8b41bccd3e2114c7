//! The tools that local MCP servers of tests show to MCP clients.

use std::time::Duration;

use platools::{Context, LogLevel, ToolError, ToolRegistry, tool, tools};
use serde::Serialize;
use tokio::sync::watch;

/// Number of held calls that were cancelled.
#[derive(Clone, Debug, Default)]
pub struct Gone(watch::Sender<u32>);

impl Gone {
    /// Waits until so many were.
    pub async fn reach(&self, calls: u32) {
        self.0.subscribe().wait_for(|gone| *gone >= calls).await.expect("the sender is here");
    }

    fn another(&self) {
        self.0.send_modify(|gone| *gone += 1);
        // For who looks at a process from outside.
        eprintln!("let go");
    }
}

/// A sum.
#[derive(Serialize, schemars::JsonSchema)]
struct Sum {
    /// The sum of the numbers.
    sum: i64,
}

/// Greet somebody.
///
/// By name.
#[tool(read_only)]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

/// Add two numbers.
#[tool]
async fn add(a: i64, #[arg(range(0..=100))] b: i64) -> Sum {
    Sum { sum: a + b }
}

/// Tell the client what happens.
#[tool]
async fn tell(ctx: &Context) {
    ctx.log(LogLevel::Info, "begun");
    ctx.log(LogLevel::Debug, "still there");
    ctx.log(LogLevel::Warning, "ended");
}

/// Fail, and say why.
#[tool(expose_errors)]
async fn fail() -> Result<(), ToolError> {
    Err(ToolError::new("no stock").with_source("the shelf is empty"))
}

/// Panic.
#[tool]
async fn panics() -> u32 {
    panic!("oh no")
}

/// Take longer than it may.
#[tool(timeout = "50ms")]
async fn slow() {
    std::future::pending().await
}

/// Count, and say so.
#[tool]
async fn count(to: u32, ctx: &Context) -> u32 {
    for done in 1..=to {
        ctx.progress(f64::from(done)).total(f64::from(to)).message(format!("{done} of {to}")).send();
        tokio::task::yield_now().await;
    }
    to
}

/// Say that it has begun, and go on until it is given up.
#[tool(timeout = "1h")]
async fn hold(ctx: &Context, gone: &Gone) -> String {
    ctx.progress(1.0).send();
    ctx.cancelled().await;
    gone.another();
    "let go".to_owned()
}

/// Say that it has begun, and end after a while.
#[tool]
async fn linger(milliseconds: u64, ctx: &Context) -> String {
    ctx.progress(1.0).send();
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "done".to_owned()
}

/// Say who is calling.
#[tool(auth = "admin", roles = ["support"])]
async fn whoami(ctx: &Context) -> String {
    let known = [ctx.user_id(), ctx.agent_id(), ctx.user_token(), ctx.raw().as_str()];
    format!("{known:?}")
}

/// A tool that comes later.
#[tool]
async fn late() -> bool {
    true
}

/// Add the tool `late`, or take it away.
#[tool]
async fn change(registry: &ToolRegistry) -> Result<(), platools::Error> {
    if registry.remove("late") { Ok(()) } else { registry.insert(tools![late]) }
}

/// A registry of all of these.
///
/// # Panics
/// Never: the tools are valid.
#[must_use]
pub fn served(gone: Gone) -> ToolRegistry {
    let registry = ToolRegistry::new().with_state(gone);
    let tools = tools![greet, add, tell, fail, panics, slow, count, hold, linger, whoami, change];
    registry.clone().with_state(registry).with_tools(tools).expect("valid tools")
}
