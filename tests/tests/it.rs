//! The SDK and the gateway from outside: real sockets, programs as processes, one binary.
//!
//! Tests with a reason stay binaries of their own: `secrets` records every log line of its process, `compile` runs the compiler, `interop`
//! and `browser` need programs that others wrote, and `architecture`, `tidy` and `compatibility` read sources only.

mod agents;
mod blocked;
mod calls;
mod delivery;
mod documents;
mod extensions;
mod field_limits;
mod fixture;
mod gateway;
mod generic_tools;
mod lifecycle;
mod macros;
mod mcp;
mod reconnect;
mod rpc;
mod runtime;
mod schema;
mod security;
mod serve;
mod session_snippets;
mod sessions;
mod signals;
mod takeovers;
mod tool_texts;
