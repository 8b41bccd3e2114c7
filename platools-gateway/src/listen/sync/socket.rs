//! [`WorkerSocket`]: the WebSocket of a worker, with an idle timeout for each direction. It is closed when the worker sends no byte for too
//! long, or reads none of what is sent to it.

use axum::extract::ws::{Message, close_code};

use crate::listen::ByteActivity;
use crate::listen::ws::{End, MessageTooLarge, ReadError, Socket, Transport};
use crate::settings::WorkerSettings;
use platools_protocol::tool_sync::MAX_FRAME_BYTES;

/// A worker's socket, which ends when no byte moves for longer than the settings allow.
pub(super) struct WorkerSocket<'a, S> {
    pub(super) socket: &'a Socket<S>,
    pub(super) times: &'a SocketTimes,
}

/// The times at which bytes of a worker's socket moved, and the settings of how long they may stand still.
#[derive(Clone)]
pub(super) struct SocketTimes {
    pub(super) activity: ByteActivity,
    pub(super) settings: WorkerSettings,
}

/// The worker takes nothing of what is sent to it.
pub(super) const STALLED: End = End::close(close_code::POLICY, "the worker does not read");

/// The worker sends nothing.
const SILENT: End = End::close(close_code::POLICY, "no heartbeat");

impl<S: Transport> WorkerSocket<'_, S> {
    /// Reads the next message. Cancel-safe.
    pub(super) async fn next(&self) -> Result<Message, End> {
        match self.times.activity.while_receiving(self.times.settings.silence, self.socket.next()).await {
            Some(Some(Ok(message))) => Ok(message),
            Some(Some(Err(error))) => Err(match ReadError::of(error, MAX_FRAME_BYTES) {
                ReadError::TooLarge(too_large) => refuse_large(too_large),
                error => error.into(),
            }),
            Some(None) => Err(End::GONE),
            None => Err(SILENT),
        }
    }

    /// Waits until the socket takes a message. Cancel-safe.
    pub(super) async fn ready(&self) -> Result<(), End> {
        self.sending(self.socket.ready()).await
    }

    /// Gives a message to the socket, which is ready. An error means that the message cannot have reached the worker as a whole.
    pub(super) fn start(&self, message: Message) -> Result<(), End> {
        Ok(self.socket.start(message)?)
    }

    /// Waits until everything is written. Cancel-safe.
    pub(super) async fn flush(&self) -> Result<(), End> {
        self.sending(self.socket.flush()).await
    }

    /// Waits for something that needs the worker to take bytes.
    async fn sending(&self, sent: impl Future<Output = Result<(), axum::Error>>) -> Result<(), End> {
        let SocketTimes { activity, settings } = self.times;
        Ok(activity.while_sending(settings.stall, sent).await.ok_or(STALLED)??)
    }
}

/// The end of a link whose worker sent a frame that is too large.
pub(super) fn refuse_large(too_large: MessageTooLarge) -> End {
    too_large.log_close();
    End::close(close_code::SIZE, "the frame is larger than 10 MiB")
}
