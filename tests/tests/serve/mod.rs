//! Tests of a registry as a local MCP server, with clients that others wrote and with incorrect messages.

mod client;
mod command;
pub(crate) mod http;
mod http_raw;
mod http_settings;
mod stdio;
mod stdio_raw;
