//! [`truncate`]: shortens a text that a worker sent to a number of bytes, between two characters.

/// Returns the longest prefix of a text that fits into so many bytes, in whole characters.
pub(super) fn truncate(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(
            [truncate("aéb", 1), truncate("aéb", 2), truncate("aéb", 3), truncate("aéb", 9)],
            ["a", "a", "aé", "aéb"]
        );
    }
}
