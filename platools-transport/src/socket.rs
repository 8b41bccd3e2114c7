//! [`Socket`]: reads the messages of a WebSocket, and writes queued frames while it waits for the next message. `websocket/` has the
//! protocol.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::Either;
use futures::{FutureExt, SinkExt, Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tracing::warn;

use crate::RawSocket;
use crate::connection_state::Disconnect;
use crate::traffic::Traffic;

/// The time that the other side has to answer a close.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A WebSocket that one task owns. Frames are queued without waiting; [`next`](Self::next) writes them while it waits for the other
/// side, and flushes once for all that was queued since.
#[derive(Debug)]
pub struct Socket {
    raw: RawSocket,
    traffic: Traffic,
    // Large frames do not wait here: replies are taken from the outbox when the socket has room. Of a worker's other frames, a
    // registration waits for the one before it, and reports of calls are left out while others wait. A caller's requests and an
    // agent's frames are taken when everything is written.
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    unflushed: bool,
    /// True if a ping is to be sent behind what is queued.
    ping: bool,
    /// True if the log has a line about a binary frame.
    has_logged_binary: bool,
}

/// A message from a socket, or its end.
pub type Received = Option<Result<Message, SocketError>>;

/// The text that came, nothing where what came does not matter, or why nothing more comes.
pub fn text(received: Received) -> Result<Option<Utf8Bytes>, Disconnect> {
    match received {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Close(frame))) => {
            let (code, reason) = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string())).unzip();
            Err(Disconnect::Closed { code, reason: reason.unwrap_or_default() })
        }
        // The library answers pings itself, and no protocol here has binary frames: the socket logs them.
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(Disconnect::Broken { error: error.to_string() }),
        None => Err(Disconnect::Closed { code: None, reason: String::new() }),
    }
}

impl Socket {
    /// Makes a socket of a WebSocket whose bytes are observed below it.
    pub fn new(raw: RawSocket, traffic: Traffic) -> Self {
        let (queue, queued_bytes, unflushed, ping) = (VecDeque::new(), 0, false, false);
        Self { raw, traffic, queue, queued_bytes, unflushed, ping, has_logged_binary: false }
    }

    /// Returns the time at which the other side last took bytes that waited for it.
    pub fn last_taken(&self) -> Instant {
        self.traffic.last_taken()
    }

    /// Returns the time of the other side's last sign of life: a byte that came, or bytes that it took.
    pub fn last_alive(&self) -> Instant {
        self.traffic.last_alive()
    }

    /// Queues a frame; nothing is written before [`next`](Self::next) is awaited.
    pub fn queue(&mut self, frame: Utf8Bytes) {
        self.queued_bytes += frame.len();
        self.queue.push_back(frame.into());
    }

    /// Queues a ping, which the other side must answer; one for all that are not written yet.
    pub fn ping(&mut self) {
        self.ping = true;
    }

    /// Bytes of the frames that are queued.
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Writes what is queued and waits for the next message. Cancel-safe: what is written or read is never lost.
    pub async fn next(&mut self) -> Received {
        poll_fn(|cx| self.poll(cx, &mut NoFrames)).await
    }

    /// Writes what is queued and polls for the next message. Once everything is written, polls `spare`, so optional frames are sent only as
    /// fast as the other side takes them.
    pub fn poll_next_or<T>(
        &mut self,
        cx: &mut Context<'_>,
        spare: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Either<Received, T>> {
        self.poll_next_from(cx, &mut NoFrames, spare)
    }

    /// Waits for the next message or `spare`. Behind the frames that are queued, those of `source` are written, which are UTF-8. Each is taken
    /// from there when the socket has room for it and not before, so it can still be dropped where it waits.
    pub async fn next_from<T>(
        &mut self,
        source: &mut dyn FrameSource,
        mut spare: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Either<Received, T> {
        poll_fn(|cx| self.poll_next_from(cx, source, &mut spare)).await
    }

    fn poll_next_from<T>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut dyn FrameSource,
        mut spare: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Either<Received, T>> {
        match self.poll(cx, source) {
            Poll::Ready(received) => Poll::Ready(Either::Left(received)),
            Poll::Pending if self.is_written() => spare(cx).map(Either::Right),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The next message, if there is one already. Writes nothing, so that one flush serves all replies to a burst.
    pub fn try_next(&mut self) -> Option<Received> {
        let received = self.raw.next().now_or_never();
        received.inspect(|received| self.note(received))
    }

    /// Logs the first binary frame: no protocol here has any, and each is ignored.
    fn note(&mut self, received: &Received) {
        if matches!(received, Some(Ok(Message::Binary(_)))) && !std::mem::replace(&mut self.has_logged_binary, true) {
            warn!("binary frame ignored; further ones of this connection are not logged");
        }
    }

    /// Closes the socket behind the frames of `source`, and tells whether the other side did so too before the deadline: then
    /// it has read everything sent before.
    async fn close(mut self, farewell: CloseFrame, deadline: Instant, source: &mut dyn FrameSource) -> bool {
        let steps = async {
            poll_fn(|cx| self.poll_write(cx, source)).await?;
            self.raw.send(Message::Close(Some(farewell))).await?;
            while let Some(message) = self.raw.next().await {
                if message?.is_close() {
                    return Ok(true);
                }
            }
            Ok::<_, SocketError>(false)
        };
        matches!(timeout_at(deadline, steps).await, Ok(Ok(true)))
    }

    /// Ends the socket as its end wants it.
    pub async fn end(self, reason: &Disconnect) {
        let deadline = Instant::now() + CLOSE_LIMIT;
        self.end_by(reason, deadline, &mut NoFrames).await;
    }

    /// Ends the socket as its end wants it, and writes the frames of `source` before an orderly end, within that time. Tells whether the other
    /// side has certainly read everything sent before.
    pub async fn end_by(mut self, reason: &Disconnect, deadline: Instant, source: &mut dyn FrameSource) -> bool {
        match reason {
            Disconnect::Stopped => self.close(normal("client stop"), deadline, source).await,
            // Answers the other side's close; a peer that is gone is not waited for.
            Disconnect::Closed { .. } | Disconnect::Refused { .. } => {
                let _ = timeout_at(deadline, self.answer_close()).await;
                false
            }
            Disconnect::Moved | Disconnect::Silent | Disconnect::Broken { .. } => false,
        }
    }

    /// Closes the socket, and gives the frames that the other side has sent before it answered; the limit is for all of
    /// that.
    pub fn closing(self, reason: &'static str, limit: Duration) -> impl Stream<Item = Utf8Bytes> {
        let deadline = Instant::now() + limit;
        stream::unfold((self, Some(normal(reason))), move |(mut socket, farewell)| async move {
            let text = timeout_at(deadline, socket.late_frame(farewell)).await.ok()??;
            Some((text, (socket, None)))
        })
    }

    async fn late_frame(&mut self, farewell: Option<CloseFrame>) -> Option<Utf8Bytes> {
        if farewell.is_some() {
            poll_fn(|cx| self.poll_write(cx, &mut NoFrames)).await.ok()?;
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

    fn is_written(&self) -> bool {
        self.queue.is_empty() && !self.ping && !self.unflushed
    }

    /// Writes as much as the other side takes, and reads in any case: what comes may be the answer that makes room.
    fn poll(&mut self, cx: &mut Context<'_>, source: &mut dyn FrameSource) -> Poll<Received> {
        if let Poll::Ready(Err(error)) = self.poll_write(cx, source) {
            return Poll::Ready(Some(Err(error)));
        }
        self.raw.poll_next_unpin(cx).map(|received| {
            self.note(&received);
            received
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, source: &mut dyn FrameSource) -> Poll<Result<(), SocketError>> {
        loop {
            ready!(self.raw.poll_ready_unpin(cx))?;
            if let Some(frame) = self.pop() {
                self.raw.queue_text(&frame)?;
            } else if let Some(frame) = source.next_frame() {
                self.raw.queue_text(&frame)?;
            } else {
                break;
            }
            self.unflushed = true;
        }
        if self.ping {
            (self.ping, self.unflushed) = (false, true);
            self.raw.start_send_unpin(Message::Ping(Bytes::new()))?;
        }
        if self.unflushed {
            ready!(self.raw.poll_flush_unpin(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn pop(&mut self) -> Option<Bytes> {
        let frame = self.queue.pop_front()?;
        self.queued_bytes -= frame.len();
        Some(frame)
    }
}

/// The frames that a socket takes when it has room for them.
pub trait FrameSource: Send {
    /// The next frame, which is UTF-8. It is written next, or lost with the socket.
    fn next_frame(&mut self) -> Option<Cow<'_, Bytes>>;
}

/// A source without frames.
struct NoFrames;

impl FrameSource for NoFrames {
    fn next_frame(&mut self) -> Option<Cow<'_, Bytes>> {
        None
    }
}

fn normal(reason: &'static str) -> CloseFrame {
    CloseFrame { code: 1000.into(), reason: Utf8Bytes::from_static(reason) }
}
