//! [`compile`]: translates a regular expression of JSON Schema for the crate `regex`, and compiles it.
//!
//! JSON Schema uses the syntax of ECMA-262: unanchored, with `\d`, `\w` and `\b` for ASCII only, and with its own definition of white space
//! and line ends. The `regex` crate reads parts of that differently and has further syntax. An argument could then pass here and fail
//! against the schema, or the schema could be invalid for other validators. So a pattern is translated, and syntax that only `regex` knows
//! is refused.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

const SPACE: &str = r"[\t\n\x0B\x0C\r\p{Zs}\x{2028}\x{2029}\x{FEFF}]";
const NO_SPACE: &str = r"[^\t\n\x0B\x0C\r\p{Zs}\x{2028}\x{2029}\x{FEFF}]";
const NO_END_OF_LINE: &str = r"[^\n\r\x{2028}\x{2029}]";
/// `[]` and `[^]`, which this engine reads as the beginning of a longer class.
const NOTHING: &str = "[a&&b]";
const ANYTHING: &str = "(?s:.)";

/// Compiles a pattern.
///
/// # Errors
/// It is no regular expression of JSON Schema, or one that needs backreferences or look-around, which take unbounded time.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let mut translator = Translator { rest: pattern.chars().peekable(), out: String::with_capacity(pattern.len()) };
    translator.pattern()?;
    Regex::new(&translator.out).map_err(|error| {
        // Above its last line an error shows the pattern, which is not the one the author wrote.
        let text = error.to_string();
        text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

/// An element of a pattern, inside or outside of brackets.
enum Atom {
    Char(char),
    /// More than one character, as this engine writes them.
    Set(String),
}

impl Translator<'_> {
    fn pattern(&mut self) -> Result<(), String> {
        let mut repeats = false;
        while let Some(c) = self.rest.next() {
            let repeated = std::mem::take(&mut repeats);
            match c {
                '.' => self.out.push_str(NO_END_OF_LINE),
                '[' => self.class()?,
                '(' => self.group()?,
                '\\' => self.escape()?,
                '*' | '+' | '?' | '{' if repeated => return Err(format!("nothing is left for `{c}` to repeat")),
                '*' | '+' | '?' => {
                    self.out.push(c);
                    repeats = true;
                    self.out.extend(self.rest.next_if_eq(&'?'));
                }
                '{' => {
                    self.count()?;
                    repeats = true;
                    self.out.extend(self.rest.next_if_eq(&'?'));
                }
                other => self.out.push(other),
            }
        }
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,4}`, after the brace.
    fn count(&mut self) -> Result<(), String> {
        self.out.push('{');
        let mut digits = false;
        for c in self.rest.by_ref() {
            self.out.push(c);
            match c {
                '0'..='9' => digits = true,
                ',' if digits => {}
                '}' if digits => return Ok(()),
                _ => break,
            }
        }
        Err(r"braces hold a number of repetitions, such as `{2}`, `{2,}` or `{2,4}`; write `\{` for a brace".to_owned())
    }

    /// Reads a group, after its opening parenthesis.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        let kind = self.rest.next();
        match (kind, self.rest.peek()) {
            (Some(':'), _) => self.out.push_str("?:"),
            (Some('=' | '!'), _) | (Some('<'), Some('=' | '!')) => {
                return Err("look-around takes unbounded time and is not supported".to_owned());
            }
            (Some('<'), _) => self.out.push_str("?<"),
            _ => return Err("a group begins with `(`, `(?:` or `(?<name>`".to_owned()),
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.rest.peek() {
            Some('b') => self.out.push_str(r"(?-u:\b)"),
            Some('B') => self.out.push_str(r"(?-u:\B)"),
            _ => {
                let atom = self.escaped()?;
                self.push(&atom);
                return Ok(());
            }
        }
        self.rest.next();
        Ok(())
    }

    /// Reads a class, after its opening bracket.
    fn class(&mut self) -> Result<(), String> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str(if negated { ANYTHING } else { NOTHING });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        while self.rest.next_if_eq(&']').is_none() {
            let first = self.member()?;
            self.push(&first);
            if let Some(last) = self.end_of_range()? {
                self.out.push('-');
                self.push(&last);
                if !matches!((first, last), (Atom::Char(_), Atom::Char(_))) {
                    return Err(
                        r"a range in brackets goes from one character to another; write `\-` for a dash".to_owned()
                    );
                }
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// The end of a range, unless the dash is the last in its brackets, where it stands for itself.
    fn end_of_range(&mut self) -> Result<Option<Atom>, String> {
        let mut ahead = self.rest.clone();
        if ahead.next() != Some('-') || ahead.peek() == Some(&']') {
            return Ok(None);
        }
        self.rest = ahead;
        self.member().map(Some)
    }

    fn member(&mut self) -> Result<Atom, String> {
        match self.rest.next() {
            Some('\\') if self.rest.next_if_eq(&'b').is_some() => Ok(Atom::Char('\x08')),
            Some('\\') => self.escaped(),
            Some(c) => Ok(Atom::Char(c)),
            None => Err("a bracket `[` is not closed".to_owned()),
        }
    }

    /// Reads an escape, after its backslash, that means the same inside and outside of brackets.
    fn escaped(&mut self) -> Result<Atom, String> {
        let set = |text: &str| Ok(Atom::Set(text.to_owned()));
        let c = self.rest.next().ok_or("a backslash stands at the end")?;
        match c {
            'd' => set("[0-9]"),
            'D' => set("[^0-9]"),
            'w' => set("[0-9A-Za-z_]"),
            'W' => set("[^0-9A-Za-z_]"),
            's' => set(SPACE),
            'S' => set(NO_SPACE),
            'p' | 'P' => self.property(c).map(Atom::Set),
            't' => Ok(Atom::Char('\t')),
            'n' => Ok(Atom::Char('\n')),
            'v' => Ok(Atom::Char('\x0B')),
            'f' => Ok(Atom::Char('\x0C')),
            'r' => Ok(Atom::Char('\r')),
            '0' if !self.rest.peek().is_some_and(char::is_ascii_digit) => Ok(Atom::Char('\0')),
            'c' => self.control().map(Atom::Char),
            'x' => self.code_point(2).map(Atom::Char),
            'u' => self.code_point(4).map(Atom::Char),
            '0'..='9' | 'k' => Err("backreferences take unbounded time and are not supported".to_owned()),
            c if c.is_ascii_alphabetic() => Err(format!(r"JSON Schema knows no escape `\{c}`")),
            other => Ok(Atom::Char(other)),
        }
    }

    /// `{Letter}` after `\p`.
    fn property(&mut self, escape: char) -> Result<String, String> {
        let wrong = || format!(r"`\{escape}` is followed by a property in braces, such as `\{escape}{{Letter}}`");
        let text: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
        let name = text.strip_prefix('{').ok_or_else(wrong)?;
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '=') && !name.is_empty();
        is_name.then(|| format!(r"\{escape}{{{name}}}")).ok_or_else(wrong)
    }

    /// The letter after `\c`, by its number in the alphabet.
    fn control(&mut self) -> Result<char, String> {
        let letter = self.rest.next().filter(char::is_ascii_alphabetic).ok_or(r"`\c` is followed by a letter")?;
        Ok(char::from(u8::try_from(letter).unwrap_or_default() % 32))
    }

    /// The character with a number in hexadecimal: so many digits, or for `\u` any number of them in braces.
    fn code_point(&mut self, digits: usize) -> Result<char, String> {
        let in_braces = digits == 4 && self.rest.next_if_eq(&'{').is_some();
        let text: String = match in_braces {
            true => self.rest.by_ref().take_while(|c| *c != '}').collect(),
            false => self.rest.by_ref().take(digits).collect(),
        };
        let is_hex = (in_braces || text.len() == digits) && text.chars().all(|c| c.is_ascii_hexdigit());
        let number = u32::from_str_radix(&text, 16).ok().filter(|_| is_hex);
        number.and_then(char::from_u32).ok_or_else(|| format!("`{text}` is no code point in hexadecimal"))
    }

    /// Writes an atom. A character is escaped, because more of them have a meaning in this engine's brackets.
    fn push(&mut self, atom: &Atom) {
        match atom {
            Atom::Char(c) if c.is_alphanumeric() => self.out.push(*c),
            Atom::Char(c) => self.out.push_str(&format!(r"\x{{{:X}}}", u32::from(*c))),
            Atom::Set(set) => self.out.push_str(set),
        }
    }
}

#[cfg(test)]
mod tests;
