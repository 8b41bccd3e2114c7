//! The gateway from outside: real sockets, raw frames, plain HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod access;
mod agents;
mod authority;
mod calls;
mod cards;
mod catalog;
mod chat;
mod commands;
mod config;
mod directory;
#[cfg(target_os = "linux")]
mod disk;
mod extensions;
mod feed;
mod feed_admission;
mod feed_application;
mod feed_load;
mod feed_own;
mod hostile;
mod journal;
mod kept;
mod limits;
mod mcp;
mod mcp_auth;
mod mcp_bridge;
mod mcp_life;
mod mcp_modern;
mod mcp_peer;
mod mcp_streams;
mod metrics;
mod model;
mod model_secure;
mod model_server;
mod model_trouble;
mod named;
mod observe;
mod openai;
mod program;
mod projects;
mod reload;
mod rest;
mod rpc;
mod rpc_admin;
mod rpc_calls;
mod rpc_life;
mod rpc_load;
mod rpc_sessions;
mod runtime;
mod runtime_channels;
mod runtime_events;
mod runtime_life;
mod runtime_load;
mod runtime_tickets;
mod secured;
mod stopping;
#[cfg(unix)]
mod supervisor;
mod sync;
mod tls;

mod dashboard;
mod database;
mod mcp_raw;
mod process;
mod rpc_caller;
mod running;
mod runtime_agent;
mod support;
