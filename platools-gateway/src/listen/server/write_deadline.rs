//! [`WriteDeadline`]: ends a connection whose peer reads the gateway's responses too slowly.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// The longest time for a peer to take [`MIN_TAKEN`] bytes while more of them wait.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// A peer that takes single bytes is as slow as one that takes none.
const MIN_TAKEN: usize = 16 * 1024;

/// The time that a peer has for what is being written to it. It runs only while something waits.
#[derive(Debug, Default)]
pub(super) struct WriteDeadline(Option<WriteWindow>);

#[derive(Debug)]
struct WriteWindow {
    over: Pin<Box<Sleep>>,
    taken: usize,
}

impl WriteDeadline {
    /// Passes on what came of writing so many bytes, or an error of the kind [`io::ErrorKind::TimedOut`].
    pub(super) fn check(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(taken)) if taken < offered => self.window().taken += taken,
            Poll::Ready(_) => self.0 = None,
            Poll::Pending => {
                if self.window().over.as_mut().poll(cx).is_ready() {
                    let message = "the peer took too little of what was written to it";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)));
                }
            }
        }
        if self.0.as_ref().is_some_and(|window| window.taken >= MIN_TAKEN) {
            self.0 = None;
        }
        written
    }

    fn window(&mut self) -> &mut WriteWindow {
        self.0.get_or_insert_with(|| WriteWindow { over: Box::pin(sleep(LIMIT)), taken: 0 })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::super::byte_activity::ByteActivity;
    use super::super::tracked_stream::TrackedStream;
    use super::*;

    /// Writes to a peer that takes so many bytes every ten seconds, and returns how that ended and when.
    async fn write_to_peer_that_takes(bytes: usize, is_upgraded: bool) -> (io::Result<()>, Duration) {
        let (near, mut far) = duplex(1024);
        let activity = ByteActivity::new();
        if is_upgraded {
            activity.upgrade(None);
        }
        let mut near = TrackedStream::new(near, activity, ());
        let reads = async {
            loop {
                sleep(Duration::from_secs(10)).await;
                far.read_exact(&mut vec![0; bytes]).await.unwrap();
            }
        };
        let begun = Instant::now();
        tokio::select! {
            written = near.write_all(&[0; 100 * 1024]) => (written, begun.elapsed()),
            () = reads => unreachable!(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_little_is_as_slow_as_one_that_takes_nothing() {
        for bytes in [1, 1024] {
            let (written, time) = write_to_peer_that_takes(bytes, false).await;
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut, "{bytes}");
            assert!((LIMIT..=LIMIT + Duration::from_secs(10)).contains(&time), "{bytes}: {time:?}");
        }
        write_to_peer_that_takes(8 * 1024, false).await.0.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn sockets_have_deadlines_of_their_own() {
        write_to_peer_that_takes(1024, true).await.0.unwrap();
    }
}
