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

/// So many frames are written before they are flushed, if so many wait.
const BATCH: usize = 64;

/// Writes replies and calls until the socket breaks, or takes nothing for as long as `stall`.
pub(super) async fn write(
    socket: &mut SplitSink<WebSocket, Message>,
    link: &mut Link,
    mut replies: mpsc::Receiver<Vec<String>>,
    stall: Duration,
) -> End {
    let mut sink = Sink { socket, stall };
    loop {
        // Both arms are cancel-safe. They end only when the link does, and then another arm of its task ends it.
        let written = tokio::select! {
            biased;
            Some(frames) = replies.recv() => sink.replies(frames).await,
            Some(delivery) = link.next_delivery() => sink.calls(link, delivery).await,
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

struct Sink<'a> {
    socket: &'a mut SplitSink<WebSocket, Message>,
    stall: Duration,
}

impl Sink<'_> {
    async fn replies(&mut self, frames: Vec<String>) -> Result<(), Broken> {
        for frame in frames {
            self.feed(frame).await?;
        }
        self.flush().await
    }

    /// Writes one call and those that wait behind it, and flushes once.
    async fn calls(&mut self, link: &mut Link, first: Delivery) -> Result<(), Broken> {
        self.feed(call_frame(&first)).await?;
        for _ in 1..BATCH {
            let Some(delivery) = link.queued_delivery() else { break };
            self.feed(call_frame(&delivery)).await?;
        }
        self.flush().await
    }

    async fn feed(&mut self, frame: String) -> Result<(), Broken> {
        within(self.stall, self.socket.feed(Message::Text(frame.into()))).await
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        within(self.stall, self.socket.flush()).await
    }
}

fn call_frame(delivery: &Delivery) -> String {
    let call = ToolCall::new(delivery.call_id.as_str(), &delivery.tool_name, &delivery.params);
    PlatformFrame::ToolCall(call).to_text()
}

async fn within(stall: Duration, writing: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Broken> {
    match timeout(stall, writing).await {
        Ok(written) => written.map_err(|_| Broken::Socket),
        Err(_) => Err(Broken::Stalled),
    }
}
