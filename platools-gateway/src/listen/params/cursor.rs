//! [`ListPosition`]: a position in a list from newest to oldest. It is also read and written as a cursor, the text with which a client asks
//! for the next page.

use super::InvalidParam;

/// A place in such a list: when, and of those at the same time which.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::listen) struct ListPosition {
    pub(in crate::listen) at_ms: i64,
    pub(in crate::listen) id: String,
}

impl ListPosition {
    /// Reads a cursor.
    pub(in crate::listen) fn read(cursor: &str) -> Result<Self, InvalidParam> {
        let read = || {
            let text = String::from_utf8(hex::decode(cursor).ok()?).ok()?;
            let (at_ms, id) = text.split_once('.')?;
            Some(Self { at_ms: at_ms.parse().ok()?, id: id.to_owned() })
        };
        read().ok_or(InvalidParam("`cursor` is invalid; send the `nextCursor` of the previous page"))
    }

    /// The cursor, in a form that nobody takes for something to be made up.
    pub(in crate::listen) fn cursor(&self) -> String {
        hex::encode(format!("{}.{}", self.at_ms, self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cursor_leads_anywhere() {
        let at = |text: &str| ListPosition::read(&hex::encode(text)).ok();
        let place = ListPosition { at_ms: 17, id: "call_a".to_owned() };
        assert_eq!(ListPosition::read(&place.cursor()).as_ref(), Ok(&place));
        assert_eq!(at("17.call_a"), Some(place));
        for text in ["", "17", "x.call_a"] {
            assert_eq!(at(text), None, "{text}");
        }
        assert!(ListPosition::read("17.call_a").is_err() && ListPosition::read("fff").is_err());
    }
}
