//! Tests of calls as spans, from the caller to a collector.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod collector;
mod secure;
mod settings;
mod spans;
mod trouble;

#[path = "../it/connect_proxy.rs"]
mod connect_proxy;
#[path = "../it/https_server.rs"]
mod https_server;
#[expect(dead_code, reason = "the other tests use the rest of it")]
#[path = "../it/program_process.rs"]
mod program_process;
#[expect(dead_code, reason = "the other tests use the rest of it")]
#[path = "../it/support.rs"]
mod support;
