//! The gateway from outside: real sockets, raw frames, plain HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod calls;
mod commands;
mod config;
mod hostile;
mod program;
mod rest;
mod stopping;
#[cfg(unix)]
mod supervisor;
mod sync;

mod process;
mod support;
