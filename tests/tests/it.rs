//! Tests of the SDK and the gateway from outside, with real sockets and processes, in one binary.
//!
//! Some tests are binaries of their own. `secrets` records every log line of its process, `interop` and `browser` need programs that others
//! wrote. The packages `tests/compile`, `tests/renamed` and `tests/sources` link less than this one.

mod agents;
mod blocked;
mod calls;
mod console_form;
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
