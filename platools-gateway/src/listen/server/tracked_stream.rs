//! [`TrackedStream`]: the byte stream of one connection. It notes the time of each read and write in [`ByteActivity`], and ends the
//! connection when the peer reads too slowly, with `WriteDeadline`.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::byte_activity::ByteActivity;
use super::linger::Linger;
use super::write_deadline::WriteDeadline;

/// A stream that notes its activity, and keeps something for as long as it is open.
#[derive(Debug)]
pub(super) struct TrackedStream<S, K> {
    stream: S,
    activity: ByteActivity,
    write_deadline: WriteDeadline,
    linger: Linger,
    is_shut: bool,
    _kept: K,
}

impl<S, K> TrackedStream<S, K> {
    pub(super) fn new(stream: S, activity: ByteActivity, kept: K) -> Self {
        let (write_deadline, linger) = (WriteDeadline::default(), Linger::default());
        Self { stream, activity, write_deadline, linger, is_shut: false, _kept: kept }
    }

    /// Notes what came of a write of so many bytes. Sockets that were upgraded have deadlines of their own.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.activity.note_sent();
        }
        if self.activity.is_upgraded() { written } else { self.write_deadline.check(cx, offered, written) }
    }
}

impl<S: AsyncRead + Unpin, K: Unpin> AsyncRead for TrackedStream<S, K> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.activity.poll_allowed(cx));
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let bytes = buf.filled().len() - before;
        if bytes > 0 {
            self.activity.note_received(bytes);
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, K: Unpin> AsyncWrite for TrackedStream<S, K> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, slices.iter().map(|slice| slice.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_shut {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.is_shut = true;
        }
        this.linger.poll_drain(cx, &mut this.stream)
    }
}
