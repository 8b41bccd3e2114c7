//! [`Walk`]: finds the secrets in a JSON text in one pass, and replaces them. `plain_text` does the same for strings that are not JSON.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::json_cursor::{Cursor, decode};
use super::names::Sound;
use super::plain_text::redact_text;
use super::schema_position::SchemaPosition;
use super::search_rules::{MAX_DEPTH, REDACTED, Rules, Unreadable};

/// The number of levels of JSON texts inside of JSON texts.
const MAX_LEVELS: usize = 4;

/// The members that name the thing whose value another member has.
const TITLES: [&str; 12] =
    ["name", "key", "k", "header", "field", "param", "parameter", "variable", "var", "option", "property", "env"];

/// The members that have the value of the thing that another member names.
const VALUES: [&str; 8] = ["value", "values", "val", "v", "content", "data", "text", "default"];

/// A walk through one JSON text.
pub(super) struct Walk<'t, 'r> {
    text: &'t str,
    cursor: Cursor<'t>,
    rules: &'r Rules<'r>,
    /// The number of parts that may still be looked at, in this text and those inside of it.
    parts: &'r mut usize,
    /// The number of texts that this one is inside of.
    level: usize,
    /// The depth of this text in those.
    depth: usize,
    edits: Vec<Edit>,
}

/// A replacement for a part of the text.
struct Edit {
    place: Range<usize>,
    text: Cow<'static, str>,
}

/// A value that was gone through.
struct Seen<'t> {
    place: Range<usize>,
    /// Its characters, if it is a string.
    string: Option<Cow<'t, str>>,
    is_number: bool,
}

impl<'t, 'r> Walk<'t, 'r> {
    pub(super) fn new(text: &'t str, rules: &'r Rules<'r>, parts: &'r mut usize) -> Self {
        Self { text, cursor: Cursor::new(text), rules, parts, level: 0, depth: 0, edits: Vec::new() }
    }

    /// The text with its replacements; `None` if there are none.
    pub(super) fn run(mut self, place: &SchemaPosition<'_>) -> Result<Option<String>, Unreadable> {
        self.value(place, self.depth)?;
        if self.cursor.peek().is_some() {
            return Err(Unreadable);
        }
        Ok((!self.edits.is_empty()).then(|| self.edited()))
    }

    fn value(&mut self, place: &SchemaPosition<'_>, depth: usize) -> Result<Seen<'t>, Unreadable> {
        let first = self.cursor.peek().ok_or(Unreadable)?;
        self.count(place.cost())?;
        if place.is_sensitive() {
            return self.take_out();
        }
        let start = self.cursor.at();
        let string = match first {
            b'{' | b'[' if depth >= MAX_DEPTH => return Err(Unreadable),
            b'{' => self.object(place, depth + 1).map(|()| None)?,
            b'[' => self.array(place, depth + 1).map(|()| None)?,
            b'"' => self.string(place, depth)?,
            _ => self.cursor.scalar().ok_or(Unreadable).map(|_| None)?,
        };
        Ok(Seen { place: start..self.cursor.at(), string, is_number: is_number(first) })
    }

    fn object(&mut self, place: &SchemaPosition<'_>, depth: usize) -> Result<(), Unreadable> {
        self.cursor.take(b'{').ok_or(Unreadable)?;
        if self.cursor.peek() == Some(b'}') {
            return self.cursor.take(b'}').ok_or(Unreadable);
        }
        let (mut is_pair, mut values) = (false, Vec::new());
        loop {
            let quoted = self.cursor.string().ok_or(Unreadable)?;
            // A name that is no text, such as a lone surrogate, cannot be judged.
            let name = decode(&self.text[quoted.clone()]).ok_or(Unreadable)?;
            self.cursor.take(b':').ok_or(Unreadable)?;
            let seen = self.member(quoted, &name, place, depth)?;
            if self.rules.looks_inside {
                is_pair |= is_one_of(&TITLES, &name) && seen.string.is_some_and(|title| self.rules.names.fit(&title));
                if is_one_of(&VALUES, &name) {
                    values.push(seen.place);
                }
            }
            if !self.cursor.more(b'}').ok_or(Unreadable)? {
                break;
            }
        }
        if is_pair {
            values.into_iter().for_each(|place| self.hide(place));
        }
        Ok(())
    }

    fn member(
        &mut self,
        quoted: Range<usize>,
        name: &str,
        place: &SchemaPosition<'_>,
        depth: usize,
    ) -> Result<Seen<'t>, Unreadable> {
        if let Some(name) = self.redact(name) {
            self.replace(quoted, &name);
        }
        let first = self.cursor.peek().ok_or(Unreadable)?;
        let is_secret = match self.rules.names.sound(name) {
            Sound::Harmless => false,
            Sound::Secret => true,
            Sound::Count => !is_number(first),
            Sound::Word => !matches!(first, b't' | b'f' | b'n'),
        };
        if is_secret { self.take_out() } else { self.value(&place.member(name), depth) }
    }

    fn array(&mut self, place: &SchemaPosition<'_>, depth: usize) -> Result<(), Unreadable> {
        self.cursor.take(b'[').ok_or(Unreadable)?;
        if self.cursor.peek() == Some(b']') {
            return self.cursor.take(b']').ok_or(Unreadable);
        }
        let mut items = Vec::new();
        for index in 0.. {
            let seen = self.value(&place.item(index), depth)?;
            if self.rules.looks_inside {
                items.push(seen);
            }
            if !self.cursor.more(b']').ok_or(Unreadable)? {
                break;
            }
        }
        self.hide_named(&items);
        Ok(())
    }

    /// Hides items that the item before names: `["--password", "x"]`, and `["Cookie", "x", "Accept", "y"]`, which goes in pairs.
    fn hide_named(&mut self, items: &[Seen<'_>]) {
        let are_pairs = items.len().is_multiple_of(2) && items.iter().all(|item| item.string.is_some());
        for (index, pair) in items.windows(2).enumerate() {
            let [name, value] = pair else { continue };
            let Some(name) = &name.string else { continue };
            let is_option = name.starts_with('-') && !name.contains(['=', ' ']);
            let is_name = (are_pairs && index.is_multiple_of(2)) || is_option;
            let is_option_too = value.string.as_ref().is_some_and(|value| is_option && value.starts_with("--"));
            if is_name && !is_option_too && (value.string.is_some() || value.is_number) && self.rules.names.fit(name) {
                self.hide(value.place.clone());
            }
        }
    }

    fn string(&mut self, place: &SchemaPosition<'_>, depth: usize) -> Result<Option<Cow<'t, str>>, Unreadable> {
        let quoted = self.cursor.string().ok_or(Unreadable)?;
        if !self.rules.looks_inside {
            return Ok(None);
        }
        let Some(text) = decode(&self.text[quoted.clone()]) else {
            // It is no text, so it may be a secret.
            self.hide(quoted);
            return Ok(None);
        };
        self.count(text.len() / 256)?;
        let redacted = match json_inside(&text) {
            Some(inside) => self.redact_json(inside, place, depth)?,
            None => self.redact(&text),
        };
        if let Some(redacted) = redacted {
            self.replace(quoted, &redacted);
        }
        Ok(Some(text))
    }

    /// A JSON text inside of this one, with its replacements if there are any.
    fn redact_json(
        &mut self,
        text: &str,
        place: &SchemaPosition<'_>,
        depth: usize,
    ) -> Result<Option<String>, Unreadable> {
        if self.level == MAX_LEVELS {
            return Err(Unreadable);
        }
        // The depth counts on, because this goes one call deeper for each level.
        let inside = Walk { level: self.level + 1, depth, ..Walk::new(text, self.rules, self.parts) };
        inside.run(&place.content())
    }

    fn redact(&self, text: &str) -> Option<String> {
        self.rules.looks_inside.then(|| redact_text(text, self.rules.names)).flatten()
    }

    /// Passes over a value, and notes that it is replaced.
    fn take_out(&mut self) -> Result<Seen<'t>, Unreadable> {
        let place = self.cursor.skip().ok_or(Unreadable)?;
        self.hide(place.clone());
        Ok(Seen { place, string: None, is_number: false })
    }

    fn hide(&mut self, place: Range<usize>) {
        self.edits.push(Edit { place, text: Cow::Borrowed(REDACTED) });
    }

    #[expect(clippy::expect_used, reason = "a string always serializes")]
    fn replace(&mut self, place: Range<usize>, text: &str) {
        let text = serde_json::to_string(text).expect("text always serializes");
        self.edits.push(Edit { place, text: Cow::Owned(text) });
    }

    fn count(&mut self, parts: usize) -> Result<(), Unreadable> {
        *self.parts = self.parts.checked_sub(parts + 1).ok_or(Unreadable)?;
        Ok(())
    }

    /// Makes the replacements. Of those for the same part the widest counts, and the one that leaves nothing of it.
    fn edited(mut self) -> String {
        let leaves_some = |edit: &Edit| matches!(edit.text, Cow::Owned(_));
        self.edits.sort_by_key(|edit| (edit.place.start, usize::MAX - edit.place.end, leaves_some(edit)));
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        for edit in self.edits {
            if edit.place.start >= at {
                out.push_str(&self.text[at..edit.place.start]);
                out.push_str(&edit.text);
                at = edit.place.end;
            }
        }
        out.push_str(&self.text[at..]);
        out
    }
}

/// The JSON text that a string is, without white space around it.
fn json_inside(text: &str) -> Option<&str> {
    let text = text.trim_ascii();
    let is_json = text.starts_with(['{', '[', '"']) && serde_json::from_str::<IgnoredAny>(text).is_ok();
    is_json.then_some(text)
}

fn is_number(first: u8) -> bool {
    first == b'-' || first.is_ascii_digit()
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
