//! [`Lines`]: reads standard input line by line. Each line is a client's message; `message_repair.rs` corrects the mistakes in it for which
//! the MCP library `rmcp` would refuse it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::serve::message_repair::repaired;

/// The longest line that is mended, in bytes. The protocol's library drops those that are longer.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// The bytes that are read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// Passes a client's lines on, each as soon as it is whole.
pub(super) struct Lines<R> {
    inner: R,
    /// The beginning of a line.
    line: Vec<u8>,
    /// Bytes to pass on, and how many of them were.
    out: Vec<u8>,
    passed: usize,
    /// True while the rest of a line that is too long passes as it comes.
    is_too_long: bool,
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, line: Vec::new(), out: Vec::new(), passed: 0, is_too_long: false }
    }

    /// Takes bytes that were read.
    fn take(&mut self, read: &[u8]) {
        for part in read.split_inclusive(|byte| *byte == b'\n') {
            let is_end = part.ends_with(b"\n");
            match self.is_too_long {
                true => self.out.extend_from_slice(part),
                false => self.line.extend_from_slice(part),
            }
            if !self.is_too_long && is_end {
                self.pass_line();
            } else if self.line.len() > MAX_LINE_BYTES {
                self.out.append(&mut self.line);
            }
            self.is_too_long = !is_end && (self.is_too_long || self.line.is_empty());
        }
    }

    fn pass_line(&mut self) {
        match std::str::from_utf8(&self.line) {
            Ok(line) => self.out.extend_from_slice(repaired(line).as_bytes()),
            Err(_) => self.out.extend_from_slice(&self.line),
        }
        self.line.clear();
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.passed == this.out.len() {
            this.out.clear();
            this.passed = 0;
            let mut chunk = [0; CHUNK_BYTES];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                // A line without an end is no message.
                return Poll::Ready(Ok(()));
            }
            this.take(read.filled());
        }
        let end = this.out.len().min(this.passed + buffer.remaining());
        buffer.put_slice(&this.out[this.passed..end]);
        this.passed = end;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn passed(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Lines::new(input).read_to_end(&mut out).await.expect("no error");
        out
    }

    #[tokio::test]
    async fn lines_pass_in_their_order_and_calls_are_mended() {
        let call = |arguments: &str| format!(r#"{{"method":"tools/call","params":{{"arguments":{arguments}}}}}"#);
        let sent = format!("{{}}\n{}\r\n\n{}\nno end", call(r#""{\"a\":1}""#), call("{}"));
        let expected = format!("{{}}\n{}\r\n\n{}\n", call(r#"{"a":1}"#), call("{}"));
        assert_eq!(String::from_utf8(passed(sent.as_bytes()).await).expect("text"), expected);
        assert_eq!(passed(b"\xff\n").await, b"\xff\n");
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_passes_and_the_next_is_mended() {
        let long = "x".repeat(MAX_LINE_BYTES + CHUNK_BYTES);
        let sent = format!("{long}\n{}\n", r#"{"method":"tools/call","params":{"arguments":"{}"}}"#);
        let out = passed(sent.as_bytes()).await;
        assert!(out.starts_with(format!("{long}\n").as_bytes()));
        assert!(out.ends_with(
            br#"{"method":"tools/call","params":{"arguments":{}}}
"#
        ));
    }
}
