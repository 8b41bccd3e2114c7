//! [`ByteActivity`]: the times at which a connection last received and sent bytes. It also has the number of bytes that the gateway will
//! still read from it.
//!
//! It counts bytes and not frames, because a large frame on a slow line takes long although the peer is alive.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::read_allowance::Allowance;
use crate::limits::ConcurrencyPermit;

/// The activity of one connection, and the bound of what its peer may send.
#[derive(Debug, Clone)]
pub(in crate::listen) struct ByteActivity(Arc<ActivityState>);

#[derive(Debug)]
struct ActivityState {
    since: Instant,
    received: Moment,
    sent: Moment,
    allowance: Allowance,
    /// Set when the connection is upgraded: its place among those of the address that a trusted proxy names, if one does.
    upgraded: OnceLock<Option<ConcurrencyPermit<IpAddr>>>,
}

/// A time that changes, in microseconds since the connection began.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

impl Moment {
    fn set_now(&self, since: Instant) {
        self.0.store(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn after(&self, since: Instant) -> Instant {
        since + Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl ByteActivity {
    pub(in crate::listen) fn new() -> Self {
        Self(Arc::new(ActivityState {
            since: Instant::now(),
            received: Moment::default(),
            sent: Moment::default(),
            allowance: Allowance::default(),
            upgraded: OnceLock::new(),
        }))
    }

    pub(super) fn note_received(&self, bytes: usize) {
        self.0.received.set_now(self.0.since);
        self.0.allowance.note_read(bytes);
    }

    pub(super) fn note_sent(&self) {
        self.0.sent.set_now(self.0.since);
    }

    /// Notes that the connection is a socket from now on, and keeps its place for as long as it is one.
    pub(super) fn upgrade(&self, place: Option<ConcurrencyPermit<IpAddr>>) {
        // A connection is upgraded once.
        let _ = self.0.upgraded.set(place);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.0.upgraded.get().is_some()
    }

    pub(super) fn poll_allowed(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.allowance.poll_allowed(cx)
    }

    /// Allows the peer to send so many bytes from now on. Nothing beyond them is read.
    pub(in crate::listen) fn allow(&self, bytes: usize) {
        self.0.allowance.set(bytes);
    }

    /// Allows the peer to send so many bytes beside those that it may send anyway.
    pub(in crate::listen) fn allow_more(&self, bytes: usize) {
        self.0.allowance.add(bytes);
    }

    /// Allows the peer to send any number of bytes.
    pub(in crate::listen) fn allow_everything(&self) {
        self.0.allowance.lift();
    }

    /// Waits until the peer has sent all that it may, and more is needed. Cancel-safe.
    pub(in crate::listen) async fn exceeded(&self) {
        self.0.allowance.exceeded().await;
    }

    /// Time of the last received bytes.
    #[cfg(test)]
    pub(super) fn last_received(&self) -> Instant {
        self.0.received.after(self.0.since)
    }

    /// Waits for something that needs bytes from the peer. Nothing, if none came for so long before it happened.
    pub(in crate::listen) async fn while_receiving<T>(
        &self,
        limit: Duration,
        what: impl Future<Output = T>,
    ) -> Option<T> {
        while_moving(limit, || self.0.received.after(self.0.since), what).await
    }

    /// Waits for something that needs the peer to take bytes. Nothing, if it took none for so long before it happened.
    pub(in crate::listen) async fn while_sending<T>(
        &self,
        limit: Duration,
        what: impl Future<Output = T>,
    ) -> Option<T> {
        while_moving(limit, || self.0.sent.after(self.0.since), what).await
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::sleep;

    use super::super::tracked_stream::TrackedStream;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn what_moves_byte_by_byte_may_take_long() {
        let (near, mut far) = duplex(1);
        let activity = ByteActivity::new();
        activity.upgrade(None);
        let mut near = TrackedStream::new(near, activity.clone(), ());
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
            assert!(activity.while_sending(LIMIT, near.write_all(&[7; 10])).await.is_some());
            assert!(activity.while_receiving(LIMIT, near.read_exact(&mut [0; 10])).await.is_some());
            let waiting = Instant::now();
            assert!(activity.while_receiving(LIMIT, near.read_u8()).await.is_none());
            assert_eq!(waiting.elapsed().as_secs(), LIMIT.as_secs());
        };
        tokio::join!(slowly, waits);
    }

    #[tokio::test]
    async fn nothing_is_read_beyond_what_is_allowed() {
        let (near, mut far) = duplex(1024);
        let activity = ByteActivity::new();
        let mut near = TrackedStream::new(near, activity.clone(), ());
        activity.allow(4);
        far.write_all(&[7; 12]).await.unwrap();
        near.read_exact(&mut [0; 4]).await.unwrap();
        assert!(activity.exceeded().now_or_never().is_none(), "nothing more was needed");
        let mut more = [0; 4];
        let mut reading = Box::pin(near.read_exact(&mut more));
        assert!(reading.as_mut().now_or_never().is_none());
        activity.exceeded().now_or_never().expect("more is needed");
        activity.allow(4);
        assert!(activity.exceeded().now_or_never().is_none());
        reading.await.unwrap();
        activity.allow_everything();
        near.read_exact(&mut [0; 4]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_without_an_end_is_possible() {
        assert_eq!(ByteActivity::new().while_receiving(Duration::MAX, async { 1 }).await, Some(1));
    }
}
