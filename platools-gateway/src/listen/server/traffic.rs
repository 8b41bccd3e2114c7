//! When bytes last went over a connection, each way.
//!
//! Whether a peer is gone is a question of bytes, not of frames: a large frame over a slow line takes long and is fine as long
//! as it moves.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout};

/// What moved over one connection.
#[derive(Debug, Clone)]
pub(in crate::listen) struct Traffic {
    since: Instant,
    received: Arc<Moment>,
    sent: Arc<Moment>,
}

/// A time that changes, in microseconds since the connection began.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

impl Moment {
    fn is_now(&self, since: Instant) {
        self.0.store(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn after(&self, since: Instant) -> Instant {
        since + Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Traffic {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), received: Arc::default(), sent: Arc::default() }
    }

    /// When bytes last came.
    #[cfg(test)]
    pub(super) fn last_received(&self) -> Instant {
        self.received.after(self.since)
    }

    /// Waits for something that needs bytes from the peer. Nothing, if none came for so long before it happened.
    pub(in crate::listen) async fn while_receiving<T>(
        &self,
        limit: Duration,
        what: impl Future<Output = T>,
    ) -> Option<T> {
        while_moving(limit, || self.received.after(self.since), what).await
    }

    /// Waits for something that needs the peer to take bytes. Nothing, if it took none for so long before it happened.
    pub(in crate::listen) async fn while_sending<T>(
        &self,
        limit: Duration,
        what: impl Future<Output = T>,
    ) -> Option<T> {
        while_moving(limit, || self.sent.after(self.since), what).await
    }
}

async fn while_moving<T>(limit: Duration, last: impl Fn() -> Instant, what: impl Future<Output = T>) -> Option<T> {
    let (started, mut what) = (Instant::now(), pin!(what));
    loop {
        // What was quiet before anybody waited is nobody's fault.
        let left = limit.checked_sub(last().max(started).elapsed()).filter(|left| !left.is_zero())?;
        if let Ok(done) = timeout(left, what.as_mut()).await {
            return Some(done);
        }
    }
}

/// A stream that notes its traffic, and keeps something for as long as it is open.
#[derive(Debug)]
pub(super) struct Watched<S, K> {
    stream: S,
    traffic: Traffic,
    _kept: K,
}

impl<S, K> Watched<S, K> {
    pub(super) fn new(stream: S, traffic: Traffic, kept: K) -> Self {
        Self { stream, traffic, _kept: kept }
    }

    fn note_sent(&self, written: &io::Result<usize>) {
        if written.as_ref().is_ok_and(|bytes| *bytes > 0) {
            self.traffic.sent.is_now(self.traffic.since);
        }
    }
}

impl<S: AsyncRead + Unpin, K: Unpin> AsyncRead for Watched<S, K> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        if buf.filled().len() > before {
            self.traffic.received.is_now(self.traffic.since);
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin, K: Unpin> AsyncWrite for Watched<S, K> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.note_sent(&written);
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices));
        self.note_sent(&written);
        Poll::Ready(written)
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn what_moves_byte_by_byte_may_take_long() {
        let (near, mut far) = duplex(1);
        let traffic = Traffic::new();
        let mut near = Watched::new(near, traffic.clone(), ());
        let slowly = async {
            let mut taken = [0; 10];
            for byte in &mut taken {
                sleep(LIMIT - Duration::from_secs(1)).await;
                *byte = far.read_u8().await.unwrap();
            }
            far.write_all(&taken).await.unwrap();
            sleep(LIMIT * 3).await;
        };
        let waits = async {
            assert!(traffic.while_sending(LIMIT, near.write_all(&[7; 10])).await.is_some());
            assert!(traffic.while_receiving(LIMIT, near.read_exact(&mut [0; 10])).await.is_some());
            let waiting = Instant::now();
            assert!(traffic.while_receiving(LIMIT, near.read_u8()).await.is_none());
            assert_eq!(waiting.elapsed().as_secs(), LIMIT.as_secs());
        };
        tokio::join!(slowly, waits);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_without_an_end_is_possible() {
        assert_eq!(Traffic::new().while_receiving(Duration::MAX, async { 1 }).await, Some(1));
    }
}
