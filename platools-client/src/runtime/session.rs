//! The event loop of one socket.

use std::pin::pin;

use futures::future::Either;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::warn;

use super::super::heard::Heard;
use super::core::Core;
use super::event::{RuntimeEvent, now};
use super::opening::Opened;
use platools_protocol::runtime::{ClientFrame, Event};
use platools_transport::{Disconnect, Heartbeat, Received, Socket, text};

/// Serves one socket until it ends or `stop` becomes true.
pub(super) async fn run_session(
    core: &Core,
    opened: Opened,
    pulse: &mut Heartbeat,
    stop: &mut watch::Receiver<bool>,
) -> Disconnect {
    let Opened { mut socket, heard, frames, .. } = opened;
    frames.first.into_iter().for_each(|frame| socket.queue(frame));
    pulse.answered();
    Session { core, socket, heard, frames: frames.later, pulse }.run(stop).await
}

struct Session<'a> {
    core: &'a Core,
    socket: Socket,
    heard: Heard,
    frames: mpsc::Receiver<Utf8Bytes>,
    pulse: &'a mut Heartbeat,
}

/// An event that wakes the loop.
enum Wake {
    Received(Received),
    /// Everything is written, and there is a frame.
    Frame(Option<Utf8Bytes>),
    Timer,
    Stop,
}

impl Session<'_> {
    async fn run(mut self, stop: &mut watch::Receiver<bool>) -> Disconnect {
        let mut timer = pin!(sleep_until(self.pulse.next()));
        loop {
            // Every arm is cancel-safe: the socket and the channel lose nothing, and the timer is kept.
            let wake = tokio::select! {
                turn = self.socket.next_or(|cx| self.frames.poll_recv(cx)) => match turn {
                    Either::Left(received) => Wake::Received(received),
                    Either::Right(frame) => Wake::Frame(frame),
                },
                () = timer.as_mut() => Wake::Timer,
                _ = stop.wait_for(|stop| *stop) => Wake::Stop,
            };
            if let Some(reason) = self.handle(wake) {
                self.core.detach();
                // What was taken before an orderly end is sent before it.
                self.frames.close();
                while let Ok(frame) = self.frames.try_recv() {
                    self.socket.queue(frame);
                }
                self.socket.end(&reason).await;
                return reason;
            }
            let next = self.pulse.next();
            if timer.deadline() != next {
                timer.as_mut().reset(next);
            }
        }
    }

    fn handle(&mut self, wake: Wake) -> Option<Disconnect> {
        match wake {
            Wake::Received(received) => self.received(received),
            Wake::Frame(frame) => {
                // The core has a sender for as long as the loop goes on.
                frame.into_iter().for_each(|frame| self.socket.queue(frame));
                None
            }
            Wake::Timer => self.tick(Instant::now()),
            Wake::Stop => Some(Disconnect::Stopped),
        }
    }

    fn received(&mut self, received: Received) -> Option<Disconnect> {
        let text = match text(received) {
            Ok(text) => text?,
            Err(reason) => return Some(reason),
        };
        match Event::parse(&text) {
            Ok(event) => self.core.events.publish(&event.kind, &RuntimeEvent::new(&event)),
            Err(error) => warn!(%error, "a frame of the gateway was ignored"),
        }
        None
    }

    fn tick(&mut self, now: Instant) -> Option<Disconnect> {
        self.pulse.heard_at(self.heard.last());
        if self.pulse.is_dead(now) {
            return Some(Disconnect::Silent);
        }
        if self.pulse.is_due(now) {
            // The protocol has no answer to a heartbeat; every WebSocket has one to a ping.
            self.socket.queue(heartbeat());
            self.socket.ping();
            self.pulse.sent(now);
        }
        None
    }
}

fn heartbeat() -> Utf8Bytes {
    ClientFrame::Heartbeat { timestamp: Some(now().into()) }.to_text().into()
}
