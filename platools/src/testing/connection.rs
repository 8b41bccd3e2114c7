//! [`TestConnection`]: carries a TCP connection of a test and breaks it at a chosen byte. [`ConnectionCut`] chooses the byte.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// An accepted connection, which ends as its [`ConnectionCut`] says.
#[derive(Debug)]
pub struct TestConnection {
    tcp: TcpStream,
    cut: ConnectionCut,
}

/// The point and the manner of a connection's end. Clones belong to the same connection.
#[derive(Debug, Clone, Default)]
pub struct ConnectionCut(Arc<Mutex<CutPlan>>);

#[derive(Debug, Clone, Copy, Default)]
struct CutPlan {
    /// Further bytes of the worker that come through; all without a number.
    readable: Option<usize>,
    /// Further bytes of the platform that go out.
    writable: Option<usize>,
    reset: bool,
}

impl ConnectionCut {
    /// Takes so many more bytes from the worker, and then nothing.
    pub fn after_reading(&self, bytes: usize) {
        self.plan(|plan| plan.readable = Some(bytes));
    }

    /// Sends so many more bytes to the worker, and then nothing.
    pub fn after_writing(&self, bytes: usize) {
        self.plan(|plan| plan.writable = Some(bytes));
    }

    /// Ends the connection with a TCP reset instead of an orderly end.
    pub fn with_reset(&self) {
        self.plan(|plan| plan.reset = true);
    }

    fn plan<T>(&self, change: impl FnOnce(&mut CutPlan) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TestConnection {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).expect("it is a TCP socket");
        Self { tcp, cut: ConnectionCut::default() }
    }

    /// Handle for the connection's end.
    #[must_use]
    pub fn cut(&self) -> ConnectionCut {
        self.cut.clone()
    }
}

impl AsyncRead for TestConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(left) = self.cut.plan(|plan| plan.readable) else {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        };
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let mut chunk = vec![0; left.min(buf.remaining())];
        let mut part = ReadBuf::new(&mut chunk);
        std::task::ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut part))?;
        self.cut.after_reading(left - part.filled().len());
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TestConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(left) = self.cut.plan(|plan| plan.writable) else {
            return Pin::new(&mut self.tcp).poll_write(cx, bytes);
        };
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = std::task::ready!(Pin::new(&mut self.tcp).poll_write(cx, &bytes[..left.min(bytes.len())]))?;
        self.cut.after_writing(left - written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl Drop for TestConnection {
    fn drop(&mut self) {
        if self.cut.plan(|plan| plan.reset) {
            // A connection that has ended by itself cannot be reset any more.
            let _ = self.tcp.set_zero_linger();
        }
    }
}
