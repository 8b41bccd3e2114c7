//! [`Events`]: server-sent events out of bytes that come in pieces of any size.
//!
//! The crate `sse-stream` does not fit here: it reads lines of any length into memory, and ends at a field that it does not know.

use std::collections::VecDeque;

/// An event has at most so many bytes; a model's are a few hundred.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// The data of events that are still coming.
#[derive(Default)]
pub(super) struct Events {
    /// A line that is not over.
    line: Vec<u8>,
    /// The data of an event that is not over.
    data: Option<Vec<u8>>,
    over: VecDeque<Vec<u8>>,
}

/// An event is longer than any that a model sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Events {
    /// Takes some more bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > MAX_EVENT_BYTES {
                return Err(TooLong);
            }
            if self.line.last() == Some(&b'\n') {
                self.end_line();
            }
        }
        Ok(())
    }

    /// Takes the end: what was not over is now.
    pub(super) fn end(&mut self) {
        self.end_line();
        self.over.extend(self.data.take());
    }

    /// The data of the next event that is over.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        self.over.pop_front()
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        if line.is_empty() {
            self.over.extend(self.data.take());
        } else if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                data @ None => *data = Some(value.to_vec()),
            }
        }
        // Comments, names and ids of events say nothing here.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        for piece in pieces {
            events.feed(piece).unwrap();
        }
        events.end();
        std::iter::from_fn(|| events.next()).map(|data| String::from_utf8(data).unwrap()).collect()
    }

    const STREAM: &str =
        ": hello\r\n\r\ndata: {\"a\":\"東京\"}\r\n\r\nevent: x\nid: 1\ndata:b\ndata: c\n\n\ndata: [DONE]\n\n";

    #[test]
    fn events_are_the_same_wherever_the_bytes_are_cut() {
        let expected = ["{\"a\":\"東京\"}", "b\nc", "[DONE]"];
        assert_eq!(read(&[STREAM.as_bytes()]), expected);
        for at in 0..STREAM.len() {
            let (left, right) = STREAM.as_bytes().split_at(at);
            assert_eq!(read(&[left, right]), expected, "{at}");
        }
        let bytes: Vec<_> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes), expected);
    }

    #[test]
    fn an_event_without_its_blank_line_is_over_at_the_end() {
        assert_eq!(read(&[b"data: a\n\ndata: b"]), ["a", "b"]);
        assert_eq!(read(&[b""]), [""; 0]);
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut events = Events::default();
        let piece = vec![b'x'; MAX_EVENT_BYTES / 2];
        events.feed(&piece).unwrap();
        events.feed(&piece).unwrap();
        assert_eq!(events.feed(b"x"), Err(TooLong));
    }
}
