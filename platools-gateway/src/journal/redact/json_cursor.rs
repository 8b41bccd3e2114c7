//! [`Cursor`]: reads a valid JSON text value by value, without making objects in memory.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;

/// A place in a JSON text. Every method returns `None` where the text is not what it should be.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over a byte, if it is the next one.
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Passes over the next item's comma or the end of an array or object, and says whether there is another item.
    pub(super) fn more(&mut self, end: u8) -> Option<bool> {
        match self.peek()? {
            b',' => self.take(b',').map(|()| true),
            byte if byte == end => self.take(end).map(|()| false),
            _ => None,
        }
    }

    /// Passes over a string, and returns its place with the quotes.
    pub(super) fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at - 1;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at)
    }

    /// Passes over a number, `true`, `false` or `null`.
    pub(super) fn scalar(&mut self) -> Option<Range<usize>> {
        self.peek()?;
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        self.at +=
            rest.iter().take_while(|byte| !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')).count();
        (self.at > start).then_some(start..self.at)
    }

    /// Passes over a value of any kind, without looking into it.
    pub(super) fn skip(&mut self) -> Option<Range<usize>> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => return self.string(),
            b'{' | b'[' => {}
            _ => return self.scalar(),
        }
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                byte => {
                    self.at += 1;
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        return Some(start..self.at);
                    }
                }
            }
        }
    }

    /// The place of the cursor.
    pub(super) fn at(&self) -> usize {
        self.at
    }
}

/// The characters of a string. `None` if they are not text, such as a lone surrogate.
pub(super) fn decode(quoted: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let plain = quoted.get(1..quoted.len().checked_sub(1)?)?;
    if !plain.contains('\\') {
        return Some(Cow::Borrowed(plain));
    }
    serde_json::from_str(quoted).ok().map(|Text(text)| text)
}
