//! The gateway from outside: real sockets, raw frames, plain HTTP.

mod calls;
mod hostile;
mod program;
mod rest;
mod sync;

mod support;
