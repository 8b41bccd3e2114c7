//! Writes what waits for a worker.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, close_code};
use futures::SinkExt as _;
use futures::stream::SplitSink;
use platools::wire::{PlatformFrame, ToolCall};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::link::End;
use crate::core::{Delivery, Link};

/// A worker that takes nothing for so long is gone, or as good as gone.
const STALL: Duration = Duration::from_secs(30);

/// So many frames are written before they are flushed, if so many wait.
const BATCH: usize = 64;

type Sink = SplitSink<WebSocket, Message>;

/// Writes replies and calls until the socket breaks.
pub(super) async fn write(sink: &mut Sink, link: &mut Link, mut replies: mpsc::Receiver<Vec<String>>) -> End {
    loop {
        // Both arms are cancel-safe. They end only when the link does, and then another arm of its task ends it.
        let written = tokio::select! {
            biased;
            Some(frames) = replies.recv() => write_replies(sink, frames).await,
            Some(delivery) = link.next_delivery() => write_calls(sink, link, delivery).await,
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

async fn write_replies(sink: &mut Sink, frames: Vec<String>) -> Result<(), Broken> {
    for frame in frames {
        within_stall(sink.feed(Message::Text(frame.into()))).await?;
    }
    within_stall(sink.flush()).await
}

/// Writes one call and those that wait behind it, and flushes once.
async fn write_calls(sink: &mut Sink, link: &mut Link, first: Delivery) -> Result<(), Broken> {
    within_stall(sink.feed(call_frame(&first))).await?;
    for _ in 1..BATCH {
        let Some(delivery) = link.queued_delivery() else { break };
        within_stall(sink.feed(call_frame(&delivery))).await?;
    }
    within_stall(sink.flush()).await
}

fn call_frame(delivery: &Delivery) -> Message {
    let call = ToolCall::new(delivery.call_id.as_str(), &delivery.tool_name, &delivery.params);
    Message::Text(PlatformFrame::ToolCall(call).to_text().into())
}

async fn within_stall(writing: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Broken> {
    match timeout(STALL, writing).await {
        Ok(written) => written.map_err(|_| Broken::Socket),
        Err(_) => Err(Broken::Stalled),
    }
}
