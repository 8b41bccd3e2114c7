//! `TextRule`: the rule for texts of one kind that clients send, such as titles or prompts: their length, and their control characters.

use super::error::{Error, ErrorKind};

/// The rule for one text: its name for messages, its bounds in bytes, and which control characters it may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextRule {
    name: &'static str,
    min_bytes: usize,
    max_bytes: usize,
    form: TextForm,
}

/// The rule for the id of a user, as it goes into tokens, calls and conversations. An empty id belongs to no user.
pub(crate) const USER_ID: TextRule = TextRule::line("userId", 1024).or_empty();

/// The control characters that a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextForm {
    /// None: names, ids, titles. They go into logs, headers and terminals.
    Line,
    /// Line breaks and tabs: prompts and descriptions.
    Prose,
    /// All but U+0000, which not every database can store: what programs say to each other.
    Payload,
}

impl TextRule {
    /// A text without control characters, of 1 to `max_bytes` bytes.
    pub(crate) const fn line(name: &'static str, max_bytes: usize) -> Self {
        Self { name, min_bytes: 1, max_bytes, form: TextForm::Line }
    }

    /// Lets the text also be empty.
    pub(crate) const fn or_empty(self) -> Self {
        Self { min_bytes: 0, ..self }
    }

    /// A text with line breaks and tabs, of up to `max_bytes` bytes.
    pub(crate) const fn prose(name: &'static str, max_bytes: usize) -> Self {
        Self { name, min_bytes: 0, max_bytes, form: TextForm::Prose }
    }

    /// A text of 1 to `max_bytes` bytes without U+0000.
    pub(crate) const fn payload(name: &'static str, max_bytes: usize) -> Self {
        Self { name, min_bytes: 1, max_bytes, form: TextForm::Payload }
    }

    /// Checks one text. The text itself is not repeated in the error: it may hold a secret.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`]: the text is too short or too long, or has a control character that it must not have.
    pub(crate) fn check(&self, text: &str) -> Result<(), Error> {
        let Self { name, min_bytes, max_bytes, form } = *self;
        let bytes = text.len();
        if bytes < min_bytes {
            return Err(refused(format!("`{name}` must not be empty")));
        }
        if bytes > max_bytes {
            return Err(refused(format!("`{name}` has {bytes} bytes; it may have at most {max_bytes}")));
        }
        match text.chars().find(|character| !form.allows(*character)) {
            None => Ok(()),
            Some(character) => {
                let code = u32::from(character);
                Err(refused(format!("`{name}` has the control character U+{code:04X}; leave it out")))
            }
        }
    }

    /// Checks a text that may be absent.
    ///
    /// # Errors
    /// Like [`TextRule::check`].
    pub(crate) fn check_any(&self, text: Option<&str>) -> Result<(), Error> {
        text.map_or(Ok(()), |text| self.check(text))
    }

    /// Checks a list of texts that has at most `max_items`.
    ///
    /// # Errors
    /// Like [`TextRule::check`], or the list is too long.
    pub(crate) fn check_list(&self, texts: &[String], max_items: usize) -> Result<(), Error> {
        let (name, items) = (self.name, texts.len());
        if items > max_items {
            return Err(refused(format!("`{name}` has {items} entries; it may have at most {max_items}")));
        }
        texts.iter().try_for_each(|text| self.check(text))
    }
}

impl TextForm {
    fn allows(self, character: char) -> bool {
        match self {
            Self::Line => !character.is_control(),
            Self::Prose => !character.is_control() || matches!(character, '\n' | '\r' | '\t'),
            Self::Payload => character != '\0',
        }
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_bounds_and_no_control_characters() {
        let (line, prose, payload) = (TextRule::line("a", 4), TextRule::prose("b", 4), TextRule::payload("c", 4));
        for (rule, good, bad) in [
            (line, &["x", "üü", "a b"][..], &["", "abcde", "ü\nü", "\0", "\u{7f}", "\u{85}"][..]),
            (prose, &["", "a\n\tb", "a\r\nb"], &["abcde", "\0", "\u{1b}[m"]),
            (payload, &["a\u{1b}b", "\n"], &["", "abcde", "a\0"]),
        ] {
            for text in good {
                rule.check(text).unwrap();
            }
            for text in bad {
                assert_eq!(rule.check(text).unwrap_err().kind(), ErrorKind::InvalidRequest, "{text:?}");
            }
        }
    }

    #[test]
    fn an_error_names_the_text_and_the_problem_and_repeats_nothing() {
        let rule = TextRule::line("userId", 8);
        assert_eq!(
            rule.check("hunter\0").unwrap_err().to_string(),
            "`userId` has the control character U+0000; leave it out"
        );
        assert_eq!(rule.check("hunter222").unwrap_err().to_string(), "`userId` has 9 bytes; it may have at most 8");
        assert_eq!(rule.check("").unwrap_err().to_string(), "`userId` must not be empty");
    }

    #[test]
    fn a_list_is_bounded_in_entries_and_in_each() {
        let rule = TextRule::line("toolRoles", 8);
        let roles = |number: usize| vec!["support".to_owned(); number];
        rule.check_list(&roles(3), 3).unwrap();
        assert!(rule.check_list(&roles(4), 3).unwrap_err().to_string().contains("4 entries"));
        assert!(rule.check_list(&["too long for that".to_owned()], 3).is_err());
        rule.check_any(None).unwrap();
        rule.or_empty().check("").unwrap();
    }
}
