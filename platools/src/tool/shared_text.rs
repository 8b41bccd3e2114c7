//! [`SharedText`]: shares a part of a text without a copy, such as a call's id within the frame that brought it.

use std::fmt;
use std::ops::Deref;

use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A part of a text. Clones share the whole text and keep all of it in memory.
#[derive(Clone)]
pub(crate) struct SharedText {
    // Text that counts its references; a frame off the socket is one already.
    text: Utf8Bytes,
    start: usize,
    end: usize,
}

impl SharedText {
    /// A part of a frame. A `part` that lies elsewhere, as an unescaped string does, is copied.
    pub(crate) fn within(frame: &Utf8Bytes, part: &str) -> Self {
        let start = (part.as_ptr() as usize).checked_sub(frame.as_str().as_ptr() as usize);
        match start.map(|start| (start, start.saturating_add(part.len()))) {
            Some((start, end)) if end <= frame.len() => Self { text: frame.clone(), start, end },
            _ => part.into(),
        }
    }

    /// Copies the text into memory of its own.
    pub(crate) fn detached(&self) -> Self {
        Self::from(&**self)
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text.as_str()[self.start..self.end]
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        let end = text.len();
        Self { text: text.into(), start: 0, end }
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Params hold a caller's tokens.
        write!(f, "SharedText({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_frame_is_shared_and_any_other_text_is_copied() {
        let frame = Utf8Bytes::from_static("a frame");
        let (shared, copied) = (SharedText::within(&frame, &frame[2..]), SharedText::within(&frame, "frame"));
        assert_eq!((&*shared, &*copied), ("frame", "frame"));
        let start = |text: &SharedText| text.as_ptr();
        assert_eq!(start(&shared), frame[2..].as_ptr());
        assert!(!frame.as_bytes().as_ptr_range().contains(&start(&copied)));
        assert!(!frame.as_bytes().as_ptr_range().contains(&start(&shared.detached())));
        assert_eq!(&*SharedText::within(&frame, &frame[7..]), "");
    }
}
