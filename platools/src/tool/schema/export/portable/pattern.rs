//! [`is_portable`]: tells whether a regular expression means the same in JavaScript with its flag `u`, in Python and in Rust.

use std::iter::Peekable;
use std::str::Chars;

/// Returns true if a pattern is of the syntax that all of them read. A client that cannot read one pattern loses the schema around it.
pub(super) fn is_portable(pattern: &str) -> bool {
    PatternReader { rest: pattern.chars().peekable(), open_groups: 0, is_repeatable: false }.read_all()
}

struct PatternReader<'a> {
    rest: Peekable<Chars<'a>>,
    open_groups: usize,
    /// True if there is something before that a quantifier may repeat.
    is_repeatable: bool,
}

impl PatternReader<'_> {
    /// Reads the whole pattern; false if a part of it is not portable.
    fn read_all(mut self) -> bool {
        while let Some(character) = self.rest.next() {
            if self.part(character).is_none() {
                return false;
            }
        }
        self.open_groups == 0
    }

    /// Reads a part that begins with that character; `None` if it is not portable.
    fn part(&mut self, character: char) -> Option<()> {
        let is_atom = match character {
            '\\' => self.escape(|escaped| "dDwWsSnrtfv^$\\.*+?()[]{}|/".contains(escaped)).or_else(|| {
                // The boundary is no atom.
                (self.rest.next()? == 'b').then_some(false)
            })?,
            '[' => self.class().map(|()| true)?,
            '(' => self.group().map(|()| false)?,
            ')' => {
                self.open_groups = self.open_groups.checked_sub(1)?;
                true
            }
            '*' | '+' | '?' | '{' if self.is_repeatable => self.quantifier(character).map(|()| false)?,
            '*' | '+' | '?' | '{' | '}' | ']' => return None,
            '|' | '^' | '$' => false,
            _ => true,
        };
        self.is_repeatable = is_atom;
        Some(())
    }

    /// Reads what follows a backslash, if it is one of those or a number of a character. `Some(true)`: it is an atom.
    fn escape(&mut self, is_known: impl Fn(char) -> bool) -> Option<bool> {
        let escaped = *self.rest.peek()?;
        let digits = match escaped {
            'x' => 2,
            'u' => 4,
            _ if is_known(escaped) => 0,
            _ => return None,
        };
        self.rest.next();
        for _ in 0..digits {
            self.rest.next().filter(char::is_ascii_hexdigit)?;
        }
        Some(true)
    }

    fn group(&mut self) -> Option<()> {
        self.open_groups += 1;
        if self.rest.next_if_eq(&'?').is_some() {
            self.rest.next().filter(|kind| matches!(kind, ':' | '=' | '!'))?;
        }
        Some(())
    }

    /// Reads a class such as `[^a-z\d]`. Python warns of what other dialects take for operations on sets.
    fn class(&mut self) -> Option<()> {
        self.rest.next_if_eq(&'^');
        let (mut last, mut count, mut is_range) = (None, 0, false);
        loop {
            let character = self.rest.next()?;
            match character {
                ']' if count == 0 => return None,
                ']' => return Some(()),
                '[' => return None,
                '\\' => {
                    let is_set = self.rest.peek().is_some_and(|escaped| "dDwWsS".contains(*escaped));
                    self.escape(|escaped| "dDwWsSnrtfv^$\\.*+?()[]{}|/-".contains(escaped))?;
                    // `\d-x` is no range.
                    let begins_range = is_set && self.rest.peek() == Some(&'-');
                    if is_set && (is_range || (begins_range && self.second() != Some(']'))) {
                        return None;
                    }
                    last = None;
                }
                _ => {
                    if "-&|~".contains(character) && last == Some(character) {
                        return None;
                    }
                    last = Some(character);
                }
            }
            is_range = character == '-' && count > 0 && !is_range;
            count += 1;
        }
    }

    /// The character after the next.
    fn second(&self) -> Option<char> {
        let mut ahead = self.rest.clone();
        ahead.next();
        ahead.next()
    }

    fn quantifier(&mut self, character: char) -> Option<()> {
        if character == '{' {
            let mut bounds = String::new();
            loop {
                match self.rest.next()? {
                    '}' => break,
                    digit if digit.is_ascii_digit() || digit == ',' => bounds.push(digit),
                    _ => return None,
                }
            }
            let (least, most) = bounds.split_once(',').unwrap_or((&bounds, ""));
            let is_number = |text: &str| text.parse::<u32>().is_ok_and(|number| number <= 1000);
            if !is_number(least) || !(most.is_empty() || is_number(most)) {
                return None;
            }
        }
        self.rest.next_if_eq(&'?');
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_all_dialects_read_are_portable() {
        for pattern in [
            "",
            "^[a-z0-9._-]+$",
            r"^[\w-]+$",
            r"^[\w\-]+$",
            r"^\d{3}-\w+\.txt$",
            "^(?:a|b)?$",
            "(?=a)b",
            r"\bword\b",
            r"^\u00e9+?$",
            r"^-?\d+(\.\d+)?$",
            r"^(0|[1-9]\d*)(?:-((?:0|\d*[a-zA-Z-][0-9a-zA-Z-]*)*))?$",
            r"^\S+@\S+\.\S+$",
            "a{2,}",
            "^$",
            "a/b",
        ] {
            assert!(is_portable(pattern), "{pattern}");
        }
    }

    #[test]
    fn others_are_not() {
        for pattern in [
            r"^\p{L}+$",
            r"\-",
            r"\_",
            r"\A",
            r"\z",
            r"\Z",
            "(?i)a",
            "(?P<name>a)",
            "(?<name>a)",
            "(?<=a)b",
            "a++",
            "a{,2}",
            "a{",
            "}",
            "]",
            "*",
            "(",
            ")",
            "[a&&b]",
            "[[:alpha:]]",
            "[]a]",
            r"[\w-.]",
            "[a--b]",
            r"(a)\1",
            r"\x{41}",
            "\\",
            "[a",
            "^*",
            "(|*)",
        ] {
            assert!(!is_portable(pattern), "{pattern}");
        }
    }
}
