//! A worker that serves its tools to local MCP clients, as a process for tests.

use platools::serve::{Command, Server};
use platools_tests::{Gone, served};

#[tokio::main]
async fn main() -> Result<(), platools::Error> {
    let command = Command::from_args().expect("`serve` is all it knows");
    command.serve(Server::new(served(Gone::default())).name("tests").version("1.2.3")).await
}
