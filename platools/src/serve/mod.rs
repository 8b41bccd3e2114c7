//! Local servers of the [Model Context Protocol](https://modelcontextprotocol.io): they offer the tools of a registry to desktop
//! applications, editors and agents on the same machine, without a platform.
//!
//! [`stdio`] serves the program that started the worker, over standard input and output. [`http`](fn@http), with the feature `serve-http`,
//! serves programs that connect over HTTP. [`Command`], with the feature `cli`, adds both to a worker's program, as `serve stdio` and
//! `serve http`.
//!
//! ```no_run
//! use platools::{ToolRegistry, tool, tools};
//!
//! /// Add two numbers.
//! #[tool]
//! async fn add(a: i64, b: i64) -> i64 {
//!     a + b
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), platools::Error> {
//!     platools::serve::stdio(ToolRegistry::new().with_tools(tools![add])?).await
//! }
//! ```
//!
//! # The user of the calls
//!
//! A local server acts for the user who started it. There are no other users, roles or agents. So it shows and calls every tool, also tools
//! with `auth = "user"`, `auth = "admin"` or `roles`, which a platform would enforce. To serve only some tools, name them with
//! [`Server::tool`].
//!
//! The [`Context`](crate::Context) of a call has its id, and the id of the user if [`Server::user`] set one; everything else is `None`. The
//! server removes the platform's envelopes `__platos` and `_context` from a client's arguments, so that no model can claim to be a user.
//!
//! # The view of a client
//!
//! - The tools are in the form of [`Dialect::Mcp`](crate::tool::Dialect::Mcp), up to 1,000 and 4 MiB a page. A notification follows each
//!   change of the registry.
//! - A result is text, and also structured content if the tool's output schema is an object. A result that does not fit the schema is an
//!   error with the result as text, because clients would discard it otherwise.
//! - Messages have only the members and content types of the client's revision of the protocol.
//! - A failed call is a result with an error: the tool's message, and its causes if the tool is declared with `expose_errors`. Arguments
//!   that do not fit are such an error too, so that a model can correct itself. An unknown tool is an error of the protocol.
//! - [`Context::progress`](crate::Context::progress) arrives as progress, if the client asked for it.
//! - The client's log has the end of each call, if the client set a level for its log.
//!
//! Limits, timeouts and panics have the same effect as on a platform. If the client cancels a call or goes away, the handler learns it from
//! [`Context::cancelled`](crate::Context::cancelled) and has five more seconds. A server runs at most 1,024 calls at once, and a result has
//! at most 6 MiB ([`Server::max_result_bytes`]).
//!
//! # Logs
//!
//! With [`stdio`], only the protocol may write to standard output. Write logs to standard error, with
//! `tracing_subscriber::fmt().with_writer(std::io::stderr)`. The library `rmcp` logs whole messages with arguments and results at the level
//! `debug` of its target `rmcp`; leave that target at `warn`.

mod call;
mod call_result;
mod call_tracker;
#[cfg(feature = "cli")]
mod command;
#[cfg(feature = "serve-http")]
mod http;
mod info;
mod mcp_methods;
mod message_repair;
mod registry_host;
mod server;
mod stdio;
mod stop_signals;
mod tools;

#[cfg(feature = "cli")]
pub use command::Command;
#[cfg(feature = "serve-http")]
pub use http::{Http, HttpServer};
pub use server::Server;

use crate::registry::ToolRegistry;
use platools_transport::Error;
#[cfg(feature = "serve-http")]
use platools_transport::Secret;

/// Serves a registry on standard input and output until the client closes the input or the process is told to stop; the same as
/// [`Server::stdio`], with every setting at its default.
///
/// # Errors
/// As for [`Server::stdio`].
pub async fn stdio(registry: ToolRegistry) -> Result<(), Error> {
    Server::new(registry).stdio().await
}

/// Serves a registry over HTTP, to clients with the token; the same as [`Server::http`], with every other setting at its
/// default.
///
/// ```no_run
/// # use platools::{Secret, ToolRegistry};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), platools::Error> {
/// # let registry = ToolRegistry::new();
/// platools::serve::http(registry, Secret::env("ORDERS_TOKEN")).serve().await
/// # }
/// ```
#[cfg(feature = "serve-http")]
pub fn http(registry: ToolRegistry, token: impl Into<Secret>) -> Http {
    Server::new(registry).http(token)
}
