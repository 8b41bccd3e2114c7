//! A worker with a tool for every kind of argument and result, for MCP clients that others wrote.
//!
//! ```sh
//! cargo run -p platools-tests --bin corpus -- cases        # a valid call of each tool, and its result
//! cargo run -p platools-tests --bin corpus -- forms        # schemas with values, for the tests of the console's form
//! cargo run -p platools-tests --bin corpus -- serve stdio
//! ```
//!
//! Without an argument it dials the platform that the environment variables name.

mod by_hand;
mod case;
mod combinations;
mod content;
mod declared;
mod enums;
mod external;
mod numbers;
mod recursive;
mod results;
mod scalars;
#[expect(clippy::linkedlist, clippy::option_option, reason = "authors of tools use them")]
mod sequences;
mod structs;

use platools::serve::{Command, Server};
use platools::{Error, Platools, ToolRegistry};

use case::Corpus;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let corpora = [
        numbers::corpus(),
        scalars::corpus(),
        external::corpus(),
        sequences::corpus(),
        structs::corpus(),
        enums::corpus(),
        recursive::corpus(),
        declared::corpus(),
        results::corpus(),
        content::corpus(),
        by_hand::corpus(),
    ];
    let whole = Corpus::whole(corpora);
    if std::env::args().nth(1).as_deref() == Some("cases") {
        println!("{}", serde_json::json!(whole.cases));
        return Ok(());
    }
    if std::env::args().nth(1).as_deref() == Some("forms") {
        print!("{}", combinations::lines(&whole));
        return Ok(());
    }
    if let Some(command) = Command::from_args() {
        let registry = ToolRegistry::new().with_tools(whole.tools)?;
        return command.serve(Server::new(registry).name("corpus")).await;
    }
    Platools::from_env()?.tools(whole.tools).connect().await
}
