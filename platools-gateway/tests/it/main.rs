//! The gateway from outside: real sockets, raw frames, plain HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod access;
mod calls;
mod catalog;
mod commands;
mod config;
mod directory;
mod extensions;
mod hostile;
mod journal;
mod limits;
mod named;
mod program;
mod projects;
mod rest;
mod stopping;
#[cfg(unix)]
mod supervisor;
mod sync;

mod process;
mod support;
