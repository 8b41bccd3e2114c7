//! A worker that takes all settings from environment variables. Tests run it as a process.

use platools::{Context, Error, Platools, tool, tools};

/// Greet somebody.
#[tool]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

/// Say which process this is.
#[tool]
async fn process() -> u32 {
    std::process::id()
}

/// Say that it has begun, and never end.
#[tool]
async fn hold(ctx: &Context) {
    ctx.progress(1.0).send();
    std::future::pending().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Platools::from_env()?.tools(tools![greet, process, hold]).connect().await
}
