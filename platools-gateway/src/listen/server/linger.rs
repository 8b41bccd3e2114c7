//! [`Linger`]: reads and drops the rest of a peer's request before the connection closes, so that the peer gets the last response.
//!
//! The system resets a connection that closes with unread bytes, and the peer may then lose the response. A request with a head that is too
//! large, or a body that was not read, leaves such bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The time that a peer has to notice the end.
const LIMIT: Duration = Duration::from_secs(2);

/// Bytes that are read and thrown away at most.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The last moments of a connection.
#[derive(Debug, Default)]
pub(super) struct Linger {
    bytes: usize,
    /// There is none until something is thrown away: most peers have sent nothing when a connection ends.
    over: Option<Pin<Box<Sleep>>>,
}

impl Linger {
    /// Reads until the peer ends the connection too, has sent enough or has had enough time.
    pub(super) fn poll_drain<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        let mut thrown_away = [0; 4096];
        while self.bytes < MAX_BYTES {
            let mut read = ReadBuf::new(&mut thrown_away);
            match Pin::new(&mut *stream).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => self.bytes += read.filled().len(),
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending if self.bytes == 0 => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let over = self.over.get_or_insert_with(|| Box::pin(sleep(LIMIT)));
                    return over.as_mut().poll(cx).map(Ok);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
