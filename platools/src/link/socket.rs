//! A WebSocket that writes while it reads.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::Either;
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt, stream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use super::connect::RawSocket;
use super::report::Disconnect;

/// Past so much that waits to be written, nothing more is read: whoever does not take replies gets no further calls run.
const MAX_BACKLOG_BYTES: usize = 4 * 1024 * 1024;

/// How long the other side has to answer a close.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// One task's socket. Frames are queued without waiting; [`next`](Self::next) writes them while it waits for the other
/// side, and flushes once for all that was queued since.
#[derive(Debug)]
pub(crate) struct Socket {
    raw: RawSocket,
    // Bounded by the outbox in bytes; beside its replies there are only heartbeats, registrations, and what calls say, which is
    // taken while the queue is short.
    queue: VecDeque<Utf8Bytes>,
    queued_bytes: usize,
    unflushed: bool,
    /// Whether a ping is to be sent behind what is queued.
    ping: bool,
}

/// What came over a socket: a message, or its end.
pub(crate) type Received = Option<Result<Message, SocketError>>;

/// The text that came, nothing where what came does not matter, or why nothing more comes.
pub(crate) fn text(received: Received) -> Result<Option<Utf8Bytes>, Disconnect> {
    match received {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Close(frame))) => {
            let (code, reason) = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string())).unzip();
            Err(Disconnect::Closed { code, reason: reason.unwrap_or_default() })
        }
        // The library answers pings itself, and no protocol here has binary frames.
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(Disconnect::Broken { error: error.to_string() }),
        None => Err(Disconnect::Closed { code: None, reason: String::new() }),
    }
}

impl Socket {
    pub(crate) fn new(raw: RawSocket) -> Self {
        Self { raw, queue: VecDeque::new(), queued_bytes: 0, unflushed: false, ping: false }
    }

    /// Queues a frame; nothing is written before [`next`](Self::next) is awaited.
    pub(crate) fn queue(&mut self, frame: Utf8Bytes) {
        self.queued_bytes += frame.len();
        self.queue.push_back(frame);
    }

    /// Queues a ping, which the other side must answer; one for all that are not written yet.
    #[cfg(feature = "runtime")]
    pub(crate) fn ping(&mut self) {
        self.ping = true;
    }

    /// How much waits to be written.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Writes what is queued and waits for the next message. Cancel-safe: what is written or read is never lost.
    pub(crate) async fn next(&mut self) -> Received {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// As [`next`](Self::next), and once everything is written, what `spare` has: so much of what may be left out is sent
    /// as the other side takes.
    pub(crate) async fn next_or<T>(
        &mut self,
        mut spare: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Either<Received, T> {
        poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(received) => Poll::Ready(Either::Left(received)),
            Poll::Pending if self.queue.is_empty() && !self.ping && !self.unflushed => spare(cx).map(Either::Right),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// The next message, if there is one already. Writes nothing, so that one flush serves all replies to a burst.
    pub(crate) fn try_next(&mut self) -> Option<Received> {
        if self.queued_bytes > MAX_BACKLOG_BYTES {
            return None;
        }
        self.raw.next().now_or_never()
    }

    /// Closes the socket, and tells whether the other side did so too within the limit: then it has read everything sent
    /// before.
    async fn close(mut self, code: u16, reason: &'static str, limit: Duration) -> bool {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
        let farewell = async {
            poll_fn(|cx| self.poll_write(cx)).await?;
            self.raw.send(Message::Close(Some(frame))).await?;
            while let Some(message) = self.raw.next().await {
                if message?.is_close() {
                    return Ok(true);
                }
            }
            Ok::<_, SocketError>(false)
        };
        matches!(timeout(limit, farewell).await, Ok(Ok(true)))
    }

    /// Ends the socket as its end wants it, and tells whether the other side has certainly read everything sent before.
    pub(crate) async fn end(mut self, reason: &Disconnect) -> bool {
        match reason {
            Disconnect::Stopped => self.close(1000, "client stop", CLOSE_LIMIT).await,
            // Answers the other side's close; a peer that is gone is not waited for.
            Disconnect::Closed { .. } | Disconnect::Refused { .. } => {
                let _ = timeout(CLOSE_LIMIT, self.answer_close()).await;
                false
            }
            Disconnect::Moved | Disconnect::Silent | Disconnect::Broken { .. } => false,
        }
    }

    /// Closes the socket, and gives the frames that the other side has sent before it answered; the limit is for all of
    /// that.
    pub(crate) fn closing(self, code: u16, reason: &'static str, limit: Duration) -> impl Stream<Item = Utf8Bytes> {
        let deadline = Instant::now() + limit;
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
        stream::unfold((self, Some(frame)), move |(mut socket, farewell)| async move {
            let text = timeout_at(deadline, socket.late_frame(farewell)).await.ok()??;
            Some((text, (socket, None)))
        })
    }

    async fn late_frame(&mut self, farewell: Option<CloseFrame>) -> Option<Utf8Bytes> {
        if farewell.is_some() {
            poll_fn(|cx| self.poll_write(cx)).await.ok()?;
            self.raw.send(Message::Close(farewell)).await.ok()?;
        }
        loop {
            if let Message::Text(text) = self.raw.next().await?.ok()? {
                return Some(text);
            }
        }
    }

    /// Lets the library answer the other side's close.
    async fn answer_close(&mut self) {
        while let Some(Ok(_)) = self.raw.next().await {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        match self.poll_write(cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
            Poll::Pending if self.queued_bytes > MAX_BACKLOG_BYTES => return Poll::Pending,
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        self.raw.poll_next_unpin(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let mut raw = Pin::new(&mut self.raw);
        while !self.queue.is_empty() {
            ready!(raw.as_mut().poll_ready(cx))?;
            if let Some(frame) = self.queue.pop_front() {
                self.queued_bytes -= frame.len();
                self.unflushed = true;
                raw.as_mut().start_send(Message::Text(frame))?;
            }
        }
        if self.ping {
            ready!(raw.as_mut().poll_ready(cx))?;
            (self.ping, self.unflushed) = (false, true);
            raw.as_mut().start_send(Message::Ping(Bytes::new()))?;
        }
        if self.unflushed {
            ready!(raw.as_mut().poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
