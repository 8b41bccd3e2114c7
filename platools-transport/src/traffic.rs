//! [`Traffic`]: notes when a connection last received bytes, and when it last took bytes after it had been full. Both times show that the
//! other side is alive.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::Transport;

/// Observes the bytes of one connection. Clones observe the same connection.
#[derive(Debug, Clone)]
pub struct Traffic(Arc<Mutex<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    read: Instant,
    taken: Instant,
    /// True while the connection takes no further bytes.
    is_full: bool,
}

impl Traffic {
    /// Wraps an open connection, so that its bytes are observed.
    pub fn on(stream: Box<dyn Transport>) -> (Box<dyn Transport>, Self) {
        let now = Instant::now();
        let seen = Seen { read: now, taken: now, is_full: false };
        let traffic = Self(Arc::new(Mutex::new(seen)));
        (Box::new(Observed { stream, traffic: traffic.clone() }), traffic)
    }

    /// Returns the time at which the other side last took bytes of a connection that was full.
    ///
    /// A write into a connection with room says nothing: it succeeds for a long time after the network has died. Room in a
    /// full one is made by the other side alone.
    pub fn last_taken(&self) -> Instant {
        self.with(|seen| seen.taken)
    }

    /// Returns the time of the last sign of life in either direction: one large message that takes long is no silence.
    pub fn last_alive(&self) -> Instant {
        self.with(|seen| seen.read.max(seen.taken))
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        self.with(|seen| match written {
            Poll::Pending => seen.is_full = true,
            Poll::Ready(Ok(bytes)) if *bytes > 0 && seen.is_full => {
                (seen.is_full, seen.taken) = (false, Instant::now());
            }
            Poll::Ready(_) => {}
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Observed {
    stream: Box<dyn Transport>,
    traffic: Traffic,
}

impl AsyncRead for Observed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.traffic.with(|seen| seen.read = Instant::now());
        }
        read
    }
}

impl AsyncWrite for Observed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.traffic.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.traffic.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("stream", &self.stream).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_room_in_a_full_connection_shows_that_bytes_are_taken() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let (mut stream, traffic) = Traffic::on(Box::new(ours));
        let start = Instant::now();
        timeout(SECOND, async {
            tokio::time::advance(SECOND / 4).await;
            stream.write_all(b"12345678").await.expect("there is room");
        })
        .await
        .expect("nothing waits");
        assert_eq!(traffic.last_taken(), start, "there was room");
        timeout(SECOND, stream.write_all(b"9")).await.expect_err("it is full");
        assert_eq!(traffic.last_taken(), start, "nobody has taken any");
        let mut taken = [0];
        theirs.read_exact(&mut taken).await.expect("a byte");
        timeout(SECOND, stream.write_all(b"9")).await.expect("there is room").expect("it is open");
        assert_eq!(traffic.last_taken(), Instant::now());
    }
}
