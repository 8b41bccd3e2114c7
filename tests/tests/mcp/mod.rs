//! Tests of the rules that every MCP server over HTTP keeps. Each test runs against `platools::serve` and against a gateway with the same
//! registry. Where the two differ, [`Server`](server::Server) has both answers and the reason.

mod calls;
pub(crate) mod client;
mod requests;
mod revisions;
pub(crate) mod server;
mod streams;

/// Runs a test against each server.
macro_rules! against_both {
    ($($name:ident)*) => {
        mod serve {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::mcp::server::Server::serve().await).await;
            })*
        }

        mod gateway {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::mcp::server::Server::gateway().await).await;
            })*
        }
    };
}
use against_both;
