//! [`Transport`]: any stream of bytes that can carry a WebSocket: TCP, TLS, or a pipe in memory. [`RawSocket`] is a WebSocket on such a
//! stream.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::websocket::WebSocket;

/// A stream of bytes: TCP, TLS, or a pipe in memory.
pub trait Transport: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Transport for T {}

/// A WebSocket on an open connection.
pub type RawSocket = WebSocket<Box<dyn Transport>>;
