//! A registry as a local server of the [Model Context Protocol](https://modelcontextprotocol.io): the tools of a worker in
//! desktop applications, editors and agents on the same machine, without a platform.
//!
//! [`stdio`] is for programs that start the worker themselves and talk to it through its standard input and output;
//! [`http`](fn@http), with the feature `serve-http`, is for those that connect to it. [`Command`], with the feature `cli`, gives a
//! worker's program both as `serve stdio` and `serve http`.
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
//! # Whose calls these are
//!
//! A local server acts for the user who started it: there are no other users, roles or agents. So it
//! shows and calls every tool, also those declared with `auth = "user"`, `auth = "admin"` or `roles`, which a platform would
//! enforce. What a handler sees in its [`Context`](crate::Context) is the call's id and, where [`Server::user`] gave one, the user's;
//! everything else is `None`. The platform's envelopes `__platos` and `_context` are taken out of a client's arguments, so that no
//! model can claim to be a user. To keep a tool from a local server, name those it shall have with [`Server::tool`].
//!
//! # What a client sees
//!
//! - The tools as [`Dialect::Mcp`](crate::tool::Dialect::Mcp) has them, up to 1,000 and 4 MiB a page, and a notification when the registry changes.
//! - A result as text; where the tool has an output schema that is an object, as structured content too. A result that does not fit that
//!   schema is an error with the result as text, because clients discard it otherwise.
//! - Only members and types of content that the client's revision of the protocol has.
//! - A failed call as a result that is an error, with the tool's message, and its causes where the tool is declared with
//!   `expose_errors`. Arguments that do not fit are such a failure too, so that a model can correct itself. An unknown tool is an
//!   error of the protocol.
//! - [`Context::progress`](crate::Context::progress) as progress, if the client asked for it.
//! - How its calls ended, in its log, if it set a level for that.
//!
//! The tool's limits, timeout and panics are treated as for a platform. A call that its client cancels, or whose client is gone, sees it with
//! [`Context::cancelled`](crate::Context::cancelled) and has five seconds from then. A server runs at most 1,024 calls at once, and a
//! result has at most 6 MiB ([`Server::max_result_bytes`]).
//!
//! # Logs
//!
//! The protocol has standard output for itself: with [`stdio`], nothing else of the program may print there. Logs belong on standard
//! error, which `tracing_subscriber::fmt().with_writer(std::io::stderr)` does. The protocol's library, `rmcp`, logs whole messages at
//! the level `debug` of its target `rmcp`, arguments and results with them; leave that at `warn`.

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
mod stop;
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
