//! A registry as a local MCP server, with clients that others wrote and with what no good client would send.

mod client;
mod command;
mod http;
mod http_forms;
mod http_raw;
mod resume;
mod stdio;
mod stdio_raw;
