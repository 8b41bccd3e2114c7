//! [`EventDecoder`]: decodes server-sent events from pieces of any size.
//!
//! The crate `sse-stream` does not fit: it reads lines of any length into memory, and ends at a field that it does not know.

use std::collections::VecDeque;

/// The longest event, in bytes. Those of models have a few hundred.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// Decodes server-sent events, and keeps the data of those that are complete.
#[derive(Default)]
pub(super) struct EventDecoder {
    /// The incomplete line.
    line: Vec<u8>,
    /// The data of the incomplete event.
    data: Option<Vec<u8>>,
    complete: VecDeque<Vec<u8>>,
}

/// The error for an event longer than any of a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventTooLong;

impl EventDecoder {
    /// Adds bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > MAX_EVENT_BYTES {
                return Err(EventTooLong);
            }
            if self.line.last() == Some(&b'\n') {
                self.end_line();
            }
        }
        Ok(())
    }

    /// Completes the last line and event.
    pub(super) fn end(&mut self) {
        self.end_line();
        self.complete.extend(self.data.take());
    }

    /// The data of the next complete event.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        self.complete.pop_front()
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        if line.is_empty() {
            self.complete.extend(self.data.take());
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
        // Comments, names and ids of events are ignored.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut events = EventDecoder::default();
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
        let mut events = EventDecoder::default();
        let piece = vec![b'x'; MAX_EVENT_BYTES / 2];
        events.feed(&piece).unwrap();
        events.feed(&piece).unwrap();
        assert_eq!(events.feed(b"x"), Err(EventTooLong));
    }
}
