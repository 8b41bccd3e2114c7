//! [`Input`]: reads a client's messages and hides the end of the input until all answers are made, because the MCP library `rmcp` stops
//! when its input ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A reader that ends only when it is closed. At the end of its input, or when it is told to close, it waits, so that the server goes on to
/// answer.
pub(super) struct Input<R> {
    inner: R,
    closing: CancellationToken,
    told_to_close: Pin<Box<WaitForCancellationFutureOwned>>,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<R> Input<R> {
    /// `closing` is cancelled at the end of what is read, or before it to read no further; `closed` shows the end.
    pub(super) fn new(inner: R, closing: CancellationToken, closed: CancellationToken) -> Self {
        let told_to_close = Box::pin(closing.clone().cancelled_owned());
        Self { inner, closing, told_to_close, closed: Box::pin(closed.cancelled_owned()) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Input<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if this.closing.is_cancelled() || this.told_to_close.as_mut().poll(cx).is_ready() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => Poll::Ready(Ok(())),
            // The end, or an error, which ends the input as well. The reader closes the channel, which wakes this.
            Poll::Ready(_) => {
                this.closing.cancel();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn the_end_is_hidden_until_it_is_closed() {
        let (mut client, inner) = duplex(64);
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        let mut input = Input::new(inner, closing.clone(), closed.clone());
        client.write_all(b"abc").await.expect("room");
        drop(client);
        let mut read = [0; 8];
        assert_eq!(input.read(&mut read).await.expect("no error"), 3);
        assert!(input.read(&mut read).now_or_never().is_none() && closing.is_cancelled());
        closed.cancel();
        assert_eq!(input.read(&mut read).await.expect("no error"), 0);
    }

    #[tokio::test]
    async fn nothing_is_read_once_it_closes() {
        let (mut client, inner) = duplex(64);
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        let mut input = Input::new(inner, closing.clone(), closed.clone());
        closing.cancel();
        client.write_all(b"abc").await.expect("room");
        let mut read = [0; 8];
        assert!(input.read(&mut read).now_or_never().is_none());
        closed.cancel();
        assert_eq!(input.read(&mut read).await.expect("no error"), 0);
    }
}
