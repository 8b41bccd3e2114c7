//! [`SharedText`]: a text, or a part of one, that is copied without copying its bytes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text in a buffer that several owners share. A clone copies nothing.
#[derive(Clone)]
pub(crate) struct SharedText {
    buffer: Arc<String>,
    range: Range<usize>,
}

impl SharedText {
    /// A part of a text. It keeps the buffer if it is most of it; a small part is copied, so that it does not keep a large buffer alive.
    pub(crate) fn part_of(buffer: &Arc<String>, part: &str) -> Self {
        let begin = (part.as_ptr().addr()).wrapping_sub(buffer.as_ptr().addr());
        let range = begin..begin.wrapping_add(part.len());
        let is_inside = buffer.get(range.clone()).is_some_and(|found| found.as_ptr() == part.as_ptr());
        if is_inside && buffer.capacity() / 2 <= part.len() {
            return Self { buffer: Arc::clone(buffer), range };
        }
        part.to_owned().into()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.buffer[self.range.clone()]
    }

    /// The text by itself, copied only if others share it.
    pub(crate) fn into_string(self) -> String {
        if self.range.len() == self.buffer.len() { Arc::unwrap_or_clone(self.buffer) } else { self.as_str().to_owned() }
    }

    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        let range = 0..text.len();
        Self { buffer: Arc::new(text), range }
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SharedText {}

/// The length only: the text belongs to callers and workers.
impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedText").field("bytes", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_shares_the_buffer_only_if_it_is_most_of_it() {
        let buffer = Arc::new("0123456789".to_owned());
        for (part, is_shared) in [(&buffer[1..9], true), (&buffer[..], true), (&buffer[4..6], false)] {
            let shared = SharedText::part_of(&buffer, part);
            assert_eq!((shared.as_str(), shared.len()), (part, part.len()));
            assert_eq!(Arc::ptr_eq(&shared.buffer, &buffer), is_shared, "{part}");
        }
        let whole: SharedText = buffer.to_string().into();
        let place = whole.as_str().as_ptr();
        let whole = whole.into_string();
        assert_eq!(whole.as_ptr(), place, "it was nobody else's");
        assert_eq!(SharedText::part_of(&buffer, &buffer[2..]).into_string(), "23456789");
        // A text of another buffer is copied, however it lies.
        let other = "0123456789".to_owned();
        let copied = SharedText::part_of(&buffer, &other);
        assert!(copied.as_str() == other && !Arc::ptr_eq(&copied.buffer, &buffer));
        assert!(!format!("{copied:?}").contains("123"));
    }
}
