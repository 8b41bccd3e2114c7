//! Texts of a worker that are passed on are cut to a length of ours.

/// As much of a text as fits into so many bytes, in whole characters.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!([cut("aéb", 1), cut("aéb", 2), cut("aéb", 3), cut("aéb", 9)], ["a", "a", "aé", "aéb"]);
    }
}
