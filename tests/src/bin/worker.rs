//! A worker that takes all its settings from the environment.

use platools::{Error, Platools, tool, tools};

/// Greet somebody.
#[tool]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Platools::from_env()?.tools(tools![greet]).connect().await
}
