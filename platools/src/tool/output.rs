//! [`Output`]: receives the result of a tool as JSON, in a buffer with a limit of bytes.

use std::{fmt, io};

use serde::Serialize;

use super::error::{ToolError, code};
use platools_protocol::json;

/// The buffer a tool writes its result into, as JSON.
///
/// The buffer may begin with a head the tool neither sees nor changes, so that a result is written straight into the frame
/// that will carry it. It is bounded: a result that would not fit is a [`code::RESULT_TOO_LARGE`] failure, raised while
/// it is being written and before it takes more memory than that. Until something is written, the result is `null`.
pub struct Output {
    buffer: Vec<u8>,
    head: usize,
    limit: usize,
}

/// The result of a handler that wrote none.
const NULL: &[u8] = b"null";

/// Room behind a text for the rest of its frame.
const TAIL_ROOM: usize = 64;

impl Output {
    /// A buffer without a head, for a result of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self::after(Vec::new(), limit)
    }

    /// A buffer that begins with `head`, for a result of at most `limit` bytes.
    pub(crate) fn after(head: Vec<u8>, limit: usize) -> Self {
        Self { head: head.len(), buffer: head, limit }
    }

    /// Writes the result. A second one replaces the first.
    ///
    /// # Errors
    /// The value cannot be written as JSON, which has no `NaN` and no infinity either, or is larger than the limit.
    pub fn write<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, ToolError> {
        self.buffer.truncate(self.head);
        let mut bounded = Bounded { left: self.limit, buffer: &mut self.buffer };
        match json::write("result", &mut bounded, value) {
            Ok(()) => Ok(self),
            Err(error) if error.is_io() => Err(ToolError::new(format!(
                "the result is larger than the {} bytes a frame can carry; return less, or a page of it",
                self.limit
            ))
            .with_code(code::RESULT_TOO_LARGE)),
            Err(error) => Err(ToolError::new(format!("the result cannot be written as JSON: {error}"))
                .with_code(code::RESULT_NOT_SERIALIZABLE)),
        }
    }

    /// The result's JSON.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        match &self.buffer[self.head..] {
            [] => NULL,
            written => written,
        }
    }

    /// The head and the result behind it.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        if self.buffer.len() == self.head {
            self.buffer.extend_from_slice(NULL);
        }
        self.buffer
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("bytes", &self.json().len()).field("limit", &self.limit).finish()
    }
}

/// Appends to the buffer until the limit is reached.
struct Bounded<'a> {
    buffer: &'a mut Vec<u8>,
    left: usize,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        // Without room for what follows a large text, all of it would be copied once more for a few bytes.
        if bytes.len() > self.buffer.capacity() - self.buffer.len() {
            self.buffer.reserve(bytes.len() + TAIL_ROOM);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_head_stays_in_front_of_the_result() {
        let output = Output::after(b"head:".to_vec(), 64).write(&[1, 2]).expect("it fits");
        assert_eq!(output.json(), b"[1,2]");
        assert_eq!(output.into_bytes(), b"head:[1,2]");
    }

    #[test]
    fn an_output_without_a_result_is_null() {
        assert_eq!(Output::new(64).json(), b"null");
        assert_eq!(Output::after(b"head:".to_vec(), 64).into_bytes(), b"head:null");
    }

    #[test]
    fn a_result_at_the_limit_fits_and_one_byte_more_does_not() {
        assert_eq!(Output::new(5).write("abc").expect("five bytes with quotes").json(), br#""abc""#);
        let error = Output::new(4).write("abc").expect_err("four bytes are too few");
        assert_eq!(error.code(), code::RESULT_TOO_LARGE);
    }

    #[test]
    fn a_value_that_is_no_json_is_told_apart_from_one_too_large() {
        let no_json: HashMap<Vec<u8>, u8> = HashMap::from([(vec![1], 1)]);
        let error = Output::new(64).write(&no_json).expect_err("a list is no key");
        assert_eq!(error.code(), code::RESULT_NOT_SERIALIZABLE);
    }
}
