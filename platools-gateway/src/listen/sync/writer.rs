//! Writes what waits for a worker.

use axum::Error;
use axum::extract::ws::{Message, close_code};
use platools::wire::{PlatformFrame, ToolCall};

use super::end::End;
use super::replies::Waiting;
use super::socket::{Quiet, Socket};
use crate::core::{Delivery, Link};

/// So many frames are written before they are flushed, if so many wait.
const BATCH: usize = 64;

/// Writes replies and calls until the socket breaks, or takes nothing any more.
///
/// A call is taken off the queue only when the socket takes a frame, and there is no await between the two: wherever this
/// future is dropped, no call is lost.
pub(super) async fn write(socket: &Socket, link: &mut Link, mut replies: Waiting) -> End {
    loop {
        // Both arms are cancel-safe. They end only when the link does, and then another arm of its task ends it.
        let written = tokio::select! {
            biased;
            Some(frames) = replies.next() => write_replies(socket, frames).await,
            Some(delivery) = link.next_delivery() => write_calls(socket, link, delivery).await,
            else => std::future::pending().await,
        };
        match written {
            Ok(()) => {}
            Err(Broken::Socket) => return End::Gone,
            Err(Broken::Stalled) => return End::close(close_code::POLICY, "the worker does not read"),
        }
    }
}

/// Why nothing more can be written.
enum Broken {
    Socket,
    Stalled,
}

impl From<Error> for Broken {
    fn from(_: Error) -> Self {
        Self::Socket
    }
}

impl From<Quiet> for Broken {
    fn from(_: Quiet) -> Self {
        Self::Stalled
    }
}

async fn write_replies(socket: &Socket, frames: Vec<String>) -> Result<(), Broken> {
    for frame in frames {
        socket.ready().await??;
        socket.start(Message::Text(frame.into()))?;
    }
    Ok(socket.flush().await??)
}

/// Writes one call and those that wait behind it, and flushes once. The socket is ready, because it was flushed before.
async fn write_calls(socket: &Socket, link: &mut Link, first: Delivery) -> Result<(), Broken> {
    write_call(socket, link, &first)?;
    for _ in 1..BATCH {
        socket.ready().await??;
        let Some(delivery) = link.queued_delivery() else { break };
        write_call(socket, link, &delivery)?;
    }
    Ok(socket.flush().await??)
}

fn write_call(socket: &Socket, link: &Link, delivery: &Delivery) -> Result<(), Broken> {
    let call = ToolCall::new(delivery.call_id.as_str(), &delivery.tool_name, &delivery.params);
    socket.start(Message::Text(PlatformFrame::ToolCall(call).to_text().into()))?;
    link.sent(&delivery.call_id);
    Ok(())
}
