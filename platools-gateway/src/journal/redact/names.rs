//! [`SensitiveNames`]: tells whether a name sounds secret, such as `password` or `apiKey`.

use std::borrow::Cow;

use aho_corasick::AhoCorasick;

use crate::settings::SENSITIVE_NAMES;

/// The last words of names that sound secret, too short to be looked for inside of words: `pin` is in `shipping`, `auth` in
/// `author`. `dbPass`, `smtp_pwd` and `PIN` end with one, `passenger` and `authType` do not.
pub const SENSITIVE_WORDS: [&str; 13] =
    ["auth", "bearer", "cvc", "cvv", "dsn", "jwt", "otp", "pass", "passcode", "pin", "psk", "pwd", "totp"];

/// Names longer than this are sentences.
const MAX_NAME: usize = 128;

/// Names that sound secret: by their parts, [`SENSITIVE_NAMES`], or their last words, [`SENSITIVE_WORDS`].
#[derive(Debug, Clone)]
pub(in crate::journal) struct SensitiveNames {
    /// `None` if nothing sounds secret.
    parts: Option<AhoCorasick>,
    words: &'static [&'static str],
}

/// The verdict on a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    Harmless,
    /// Secret, unless its value is a number: `max_tokens` is a count, and `access_tokens` are not.
    Count,
    /// Secret, unless its value is a flag, as in a message with `"pin": true`.
    Word,
    Secret,
}

impl SensitiveNames {
    pub(in crate::journal) fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        // A pattern without letters would be in every name.
        let parts = names.into_iter().map(|name| letters(name.as_ref()).into_owned()).filter(|name| !name.is_empty());
        let parts: Vec<_> = parts.collect();
        // A list that adds to the usual names keeps the usual words.
        let has_usual = SENSITIVE_NAMES.iter().all(|usual| parts.iter().any(|part| part == usual));
        Self { parts: AhoCorasick::new(parts).ok(), words: if has_usual { &SENSITIVE_WORDS } else { &[] } }
    }

    /// Nothing sounds secret.
    pub(in crate::journal) fn none() -> Self {
        Self { parts: None, words: &[] }
    }

    pub(super) fn sound(&self, name: &str) -> Sound {
        let Some(parts) = &self.parts else { return Sound::Harmless };
        let letters = letters(name);
        if parts.is_match(&*letters) {
            return if letters.ends_with("tokens") { Sound::Count } else { Sound::Secret };
        }
        if self.words.contains(&&*letters) || last_word(name).is_some_and(|word| self.words.contains(&&*word)) {
            return Sound::Word;
        }
        Sound::Harmless
    }

    /// True if the name of a header, an option or a field sounds secret, where the value is text.
    pub(super) fn fit(&self, name: &str) -> bool {
        name.len() <= MAX_NAME && self.sound(name) != Sound::Harmless
    }
}

impl Default for SensitiveNames {
    fn default() -> Self {
        Self::new(SENSITIVE_NAMES)
    }
}

/// Letters and digits only, in lower case: what `api_key`, `apiKey` and `API-Key` have in common.
fn letters(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect())
}

/// The last word of a name, without the digits after it, in lower case.
fn last_word(name: &str) -> Option<String> {
    let name = name.trim_end_matches(|character: char| !character.is_alphabetic());
    let mut start = name.len();
    let mut is_next_lower = false;
    for (at, character) in name.char_indices().rev() {
        if !character.is_alphabetic() {
            break;
        }
        start = at;
        if character.is_uppercase() && is_next_lower {
            break;
        }
        is_next_lower = character.is_lowercase();
    }
    let word = name.get(start..).filter(|word| !word.is_empty() && word.len() <= MAX_NAME)?;
    Some(word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_every_spelling() {
        let names = SensitiveNames::default();
        for name in [
            "password",
            "userPassword",
            "PASSWD",
            "api_key",
            "X-Api-Key",
            "apikey",
            "Set-Cookie",
            "access_token",
            "--token",
            "ConnectionString",
            "PGPASSWORD",
        ] {
            assert_eq!(names.sound(name), Sound::Secret, "{name}");
        }
        for name in [
            "pass",
            "db_pass",
            "userPass",
            "PIN",
            "pwd1",
            "smtp-pwd",
            "basicAuth",
            "auth",
            "SENTRY_DSN",
            "p-i-n",
            "cardPin2",
        ] {
            assert_eq!(names.sound(name), Sound::Word, "{name}");
        }
        for name in ["accessTokens", "max_tokens"] {
            assert_eq!(names.sound(name), Sound::Count, "{name}");
        }
    }

    #[test]
    fn names_that_only_look_alike_are_harmless() {
        let names = SensitiveNames::default();
        for name in [
            "key",
            "author",
            "authors",
            "authType",
            "passenger",
            "passengers",
            "passed",
            "bypass",
            "compass",
            "pinned",
            "shipping",
            "spin",
            "apik",
            "",
            "credit",
            "pinboard",
            "opinion",
            "pass_count",
            "dsnap",
            "spwd",
            "ü",
            "__",
        ] {
            assert_eq!(names.sound(name), Sound::Harmless, "{name}");
        }
    }

    #[test]
    fn other_names_take_the_place_of_the_usual_ones() {
        let names = SensitiveNames::new(["card-number", "-"]);
        assert!(names.fit("cardNumber") && !names.fit("password") && !names.fit("pin"));
        let more = SensitiveNames::new(SENSITIVE_NAMES.iter().chain(&["iban"]));
        assert!(more.fit("iban") && more.fit("pin") && more.fit("password"));
        assert!(!SensitiveNames::none().fit("password") && !SensitiveNames::new(["-"]).fit("password"));
    }
}
