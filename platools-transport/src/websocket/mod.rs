//! [`WebSocket`]: implements the client's side of a WebSocket (RFC 6455) over an open connection.
//!
//! It uses the messages, close codes and errors of tungstenite and behaves as tungstenite's client does. Tungstenite's own socket cannot be
//! used: at the level `trace` it always writes frames, and the secrets in them, to the log. This module logs nothing. It calls tungstenite
//! only for frame headers, whose log records have no byte of a payload.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio_tungstenite::tungstenite::error::{Error as SocketError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use decode::{Decoder, MAX_CONTROL_BYTES};
use encode::{CHUNK_BYTES, Encoder};

/// The largest message that is read: what a platform may send, with room for its envelopes.
const MAX_INBOUND_BYTES: usize = 16 * 1024 * 1024;

/// A client's WebSocket: a [`Stream`] and a [`Sink`] of messages. One task reads and writes it.
///
/// - Pings are answered, the latest one where several wait, and a close is answered; both while messages are read, which never
///   waits for that.
/// - After the other side's close, the stream ends with the connection.
/// - After a violation by the other side, the stream has one error and ends. The other side is sent a close with the code for
///   it, if the connection takes that at once.
/// - Both sides are cancel-safe: everything under way is kept in here.
pub struct WebSocket<S> {
    io: S,
    decoder: Decoder,
    encoder: Encoder,
    state: State,
    /// A pong or a close that waits for room behind the frame that is being written.
    reply: Option<(Control, Bytes)>,
    /// The reader is to write or flush such a reply.
    is_replying: bool,
    /// Error of a reply that was not written, kept until everything received before is read.
    reply_error: Option<SocketError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// We have sent a close, and read until the other side's.
    CloseSent,
    /// The other side's close was read; the connection is expected to end.
    Closing,
    /// Nothing more is read.
    Ended,
}

impl<S> WebSocket<S> {
    /// A socket over a connection that was upgraded; `early` was read behind the upgrade.
    pub fn new(io: S, early: &[u8]) -> Self {
        Self {
            io,
            decoder: Decoder::new(early, MAX_INBOUND_BYTES),
            encoder: Encoder::default(),
            state: State::Open,
            reply: None,
            is_replying: false,
            reply_error: None,
        }
    }

    /// Queues a text, whose bytes are UTF-8: the caller knows that, and a check would read them once more.
    pub fn queue_text(&mut self, text: &Bytes) -> Result<(), SocketError> {
        self.check_open()?;
        self.queue_reply();
        self.encoder.push(OpCode::Data(Data::Text), true, text);
        Ok(())
    }

    /// Queues a message of ours.
    fn queue(&mut self, message: Message) -> Result<(), SocketError> {
        self.check_open()?;
        let (opcode, is_final, payload) = match message {
            Message::Text(text) => return self.queue_text(&text.into()),
            Message::Binary(bytes) => (OpCode::Data(Data::Binary), true, bytes),
            Message::Ping(bytes) => (OpCode::Control(Control::Ping), true, control_payload(bytes)?),
            Message::Pong(bytes) => (OpCode::Control(Control::Pong), true, control_payload(bytes)?),
            Message::Close(frame) => return self.queue_close(frame),
            Message::Frame(frame) => {
                let header = frame.header();
                (header.opcode, header.is_final, frame.into_payload())
            }
        };
        self.queue_reply();
        self.encoder.push(opcode, is_final, &payload);
        Ok(())
    }

    /// Refuses what would follow a close.
    fn check_open(&self) -> Result<(), SocketError> {
        match self.state {
            State::Open => Ok(()),
            State::CloseSent | State::Closing => Err(ProtocolError::SendAfterClosing.into()),
            State::Ended => Err(SocketError::AlreadyClosed),
        }
    }

    fn queue_close(&mut self, frame: Option<CloseFrame>) -> Result<(), SocketError> {
        let payload = control_payload(close_payload(frame))?;
        // Behind a close nothing may follow.
        self.reply = None;
        self.state = State::CloseSent;
        self.encoder.push(OpCode::Control(Control::Close), true, &payload);
        Ok(())
    }

    /// Queues the reply that waits, if there is room for it.
    fn queue_reply(&mut self) {
        if let Some((control, payload)) = self.reply.take_if(|_| self.encoder.has_room()) {
            self.encoder.push(OpCode::Control(control), true, &payload);
        }
    }

    /// Has a reply written while messages are read. A close is the last one.
    fn reply(&mut self, control: Control, payload: Bytes) {
        self.reply = Some((control, payload));
        self.is_replying = true;
    }

    /// Treats a message of the other side.
    fn receive(&mut self, message: &Message) -> Result<(), SocketError> {
        match (message, self.state) {
            (_, State::Closing | State::Ended) => return Err(ProtocolError::ReceivedAfterClosing.into()),
            (Message::Ping(payload), State::Open) => self.reply(Control::Pong, payload.clone()),
            (Message::Close(frame), State::Open) => {
                self.state = State::Closing;
                self.reply(Control::Close, close_payload(frame.clone()));
            }
            (Message::Close(_), State::CloseSent) => self.state = State::Closing,
            _ => {}
        }
        Ok(())
    }

    /// Ends the stream with an error of the connection, which is none after the other side's close.
    fn end(&mut self, error: SocketError) -> Option<Result<Message, SocketError>> {
        let is_closing = self.state == State::Closing;
        self.state = State::Ended;
        (!is_closing).then_some(Err(error))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Reads what there is; the number of bytes, 0 at the end of the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // The future has no state of its own, so that a new one for each poll is as good as one for all.
        let read = ready!(pin!(self.io.read_buf(&mut self.decoder.space())).poll(cx));
        Poll::Ready(read.inspect(|bytes| self.decoder.note_read(*bytes)))
    }

    /// Writes until no more than so many bytes are queued.
    fn poll_write_down_to(&mut self, backlog: usize, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        loop {
            self.queue_reply();
            if self.encoder.backlog() <= backlog {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, self.encoder.chunk()))?;
            if written == 0 {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
            }
            self.encoder.advance(written);
        }
    }

    fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        ready!(self.poll_write_down_to(0, cx))?;
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.is_replying = false;
        Poll::Ready(Ok(()))
    }

    /// Writes a reply as far as the connection takes it. An error must not hide what was received before, such as a close.
    fn write_reply(&mut self, cx: &mut Context<'_>) {
        if let Poll::Ready(Err(error)) = self.poll_flush_all(cx) {
            self.is_replying = false;
            self.reply_error.get_or_insert(error);
        }
    }

    /// Ends the stream with a violation, and tells the other side if it can be told at once.
    fn fail(&mut self, error: SocketError, cx: &mut Context<'_>) -> SocketError {
        if let (State::Open, Some(code)) = (self.state, violation_code(&error)) {
            let frame = CloseFrame { code, reason: Utf8Bytes::default() };
            self.reply(Control::Close, close_payload(Some(frame)));
            let _ = self.poll_flush_all(cx);
        }
        self.state = State::Ended;
        error
    }

    /// The next message of what was read, or a violation.
    fn decode(&mut self) -> Result<Option<Message>, SocketError> {
        let message = self.decoder.decode()?;
        message.as_ref().map_or(Ok(()), |message| self.receive(message))?;
        Ok(message)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<Message, SocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let socket = self.get_mut();
        if socket.state == State::Ended {
            return Poll::Ready(None);
        }
        if socket.is_replying {
            socket.write_reply(cx);
        }
        loop {
            match socket.decode() {
                Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                Ok(None) => {}
                Err(violation) => return Poll::Ready(Some(Err(socket.fail(violation, cx)))),
            }
            let error = match socket.poll_read(cx) {
                Poll::Ready(Ok(0)) => ProtocolError::ResetWithoutClosingHandshake.into(),
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => error.into(),
                Poll::Pending => match socket.reply_error.take() {
                    Some(error) => error,
                    None => return Poll::Pending,
                },
            };
            return Poll::Ready(socket.end(error));
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<S> {
    type Error = SocketError;

    /// Ready while less than a chunk is queued.
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.get_mut().poll_write_down_to(CHUNK_BYTES, cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SocketError> {
        self.get_mut().queue(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.get_mut().poll_flush_all(cx)
    }

    /// Sends a close, if none was sent yet; its answer is to be read.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let socket = self.get_mut();
        if socket.state == State::Open {
            socket.queue_close(None)?;
        }
        socket.poll_flush_all(cx)
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of what was read or is to be written.
        let backlog = self.encoder.backlog();
        f.debug_struct("WebSocket").field("state", &self.state).field("backlog", &backlog).finish_non_exhaustive()
    }
}

/// The payload of a control frame, if it is no larger than such a frame may be.
fn control_payload(payload: Bytes) -> Result<Bytes, ProtocolError> {
    if payload.len() > MAX_CONTROL_BYTES { Err(ProtocolError::ControlFrameTooBig) } else { Ok(payload) }
}

fn close_payload(frame: Option<CloseFrame>) -> Bytes {
    let Some(CloseFrame { code, reason }) = frame else { return Bytes::new() };
    let mut payload = BytesMut::with_capacity(2 + reason.len());
    payload.put_u16(code.into());
    payload.put_slice(reason.as_bytes());
    payload.freeze()
}

/// The code of a close for a violation by the other side.
fn violation_code(error: &SocketError) -> Option<CloseCode> {
    match error {
        SocketError::Capacity(_) => Some(CloseCode::Size),
        SocketError::Utf8(_) => Some(CloseCode::Invalid),
        SocketError::Protocol(_) => Some(CloseCode::Protocol),
        _ => None,
    }
}
