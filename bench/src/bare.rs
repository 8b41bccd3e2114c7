//! The bare loop: answers tool calls on one thread with `frames.rs`, without the SDK. The benchmark compares workers with it: no worker can
//! cost less. It sends the replies to all calls of one read with one write.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::Context;

use crate::calls::answer;
use crate::frames::{self, Frame};

/// Serves one socket until it ends.
pub fn run(url: &str) -> anyhow::Result<()> {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    write!(stream, "GET /ws/sdk HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n\r\n")?;
    let (mut input, mut replies) = (Input::default(), Replies::new());
    while input.head().is_none() {
        anyhow::ensure!(input.read(&mut stream)? > 0, "the driver hung up");
    }
    replies.push(|payload| {
        payload.extend_from_slice(br#"{"type":"tool_register","tools":[]}"#);
        Ok(())
    })?;
    loop {
        while let Some(payload) = input.frame()? {
            if let Some(reply) = answer(payload)? {
                replies.push(|payload| serde_json::to_writer(payload, &reply))?;
            }
        }
        stream.write_all(&replies.bytes)?;
        replies.bytes.clear();
        if input.read(&mut stream)? == 0 {
            return Ok(());
        }
    }
}

/// Bytes that were read.
#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
    /// Where the bytes begin that were not treated, and where they end.
    start: usize,
    end: usize,
}

impl Input {
    fn read(&mut self, stream: &mut TcpStream) -> std::io::Result<usize> {
        const ROOM: usize = 64 * 1024;
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.bytes.len() < self.end + ROOM {
            self.bytes.resize(self.end + 2 * ROOM, 0);
        }
        let read = stream.read(&mut self.bytes[self.end..])?;
        self.end += read;
        Ok(read)
    }

    /// Takes the head of the answer to the upgrade, if all of it was read.
    fn head(&mut self) -> Option<()> {
        let length = frames::head_length(&self.bytes[self.start..self.end])?;
        self.start += length;
        Some(())
    }

    /// The payload of the next frame, if all of it was read.
    fn frame(&mut self) -> anyhow::Result<Option<&str>> {
        let Some(Frame { header, length, .. }) = Frame::of(&self.bytes[self.start..self.end]) else { return Ok(None) };
        let (from, to) = (self.start + header, self.start + header + length);
        if to > self.end {
            return Ok(None);
        }
        self.start = to;
        Ok(Some(std::str::from_utf8(&self.bytes[from..to]).context("a frame that is text")?))
    }
}

/// Replies to be written at once.
struct Replies {
    bytes: Vec<u8>,
    payload: Vec<u8>,
    key: u32,
}

impl Replies {
    fn new() -> Self {
        Self { bytes: Vec::new(), payload: Vec::new(), key: 0x9e37_79b9 }
    }

    /// Adds one frame, masked with a key of its own.
    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) -> serde_json::Result<()> {
        self.payload.clear();
        write(&mut self.payload)?;
        self.key ^= self.key << 13;
        self.key ^= self.key >> 17;
        self.key ^= self.key << 5;
        frames::push_masked(&mut self.bytes, &self.payload, self.key.to_ne_bytes());
        Ok(())
    }
}
