//! [`open`]: answers an upgrade request, and runs a protocol over the new WebSocket in a task.

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use tokio_util::task::TaskTracker;

/// The limits of a socket.
#[derive(Debug, Clone, Copy)]
pub(in crate::listen) struct ReadLimits {
    /// The most bytes of a message that is read.
    ///
    /// It is a little more than the protocol takes, so that a message just over the limit can be refused in order: past this size the rest
    /// of a message is never read, and the close may be lost.
    pub(in crate::listen) message_bytes: usize,
    /// The bytes of the read buffer. Most messages are short, and each socket keeps its buffer.
    pub(in crate::listen) buffer_bytes: usize,
}

/// Answers an upgrade, and serves its socket in a task that `sockets` tracks from now on, so that stopping waits for sockets that are still being
/// opened.
pub(in crate::listen) fn open<F: Future<Output = ()> + Send>(
    upgrade: WebSocketUpgrade,
    limits: ReadLimits,
    sockets: &TaskTracker,
    serve: impl FnOnce(WebSocket) -> F + Send + 'static,
) -> Response {
    let tracked = sockets.token();
    let upgrade = upgrade.max_message_size(limits.message_bytes).max_frame_size(limits.message_bytes);
    upgrade.read_buffer_size(limits.buffer_bytes).on_upgrade(async move |socket| {
        serve(socket).await;
        drop(tracked);
    })
}

/// The span of a connection: its id, the origin of its upgrade, and further fields.
macro_rules! socket_span {
    ($name:literal, $id:expr, $from:expr $(, $($fields:tt)+)?) => {
        tracing::info_span!(
            $name,
            connection.id = %$id,
            client.address = $from.address.map(tracing::field::display),
            request.id = $from.request_id.as_ref().map(tracing::field::display),
            $($($fields)+)?
        )
    };
}
pub(in crate::listen) use socket_span;
