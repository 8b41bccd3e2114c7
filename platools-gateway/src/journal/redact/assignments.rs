//! [`find`]: finds values in a text that follow a name which sounds secret: `password=x`, `?token=x`, `Authorization: x`, `"pin": "1234"`,
//! `--secret x`.

use std::ops::Range;

use super::names::{SensitiveNames, Sound};
use super::patterns::looks_random;
use super::search_rules::REPLACEMENT;

/// Longer names are not looked at.
const MAX_NAME: usize = 64;

/// Longer values are no words of a sentence and no pieces of a program.
const MAX_WORD: usize = 256;

/// The number of characters in which the begin of the line is looked for.
const MAX_INDENT: usize = 256;

/// The number of spaces that may stand between a name, its sign and its value.
const MAX_SPACES: usize = 8;

/// The places of such values in a text, in their order. Each sign is looked at once, and a name before it is bounded, so this takes
/// linear time.
pub(super) fn find(text: &str, names: &SensitiveNames) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut found, mut from) = (Vec::new(), 0);
    for (at, byte) in bytes.iter().enumerate() {
        if at < from {
            continue;
        }
        let place = match byte {
            b'=' | b':' => assigned(text, at, names),
            b' ' if at > 0 && bytes[at - 1] != b' ' => option(text, at, names),
            _ => None,
        };
        if let Some(place) = place.filter(|place| !place.is_empty()) {
            from = place.end;
            found.push(place);
        }
    }
    found
}

/// A name before a sign.
struct AssignedName<'t> {
    text: &'t str,
    is_quoted: bool,
    is_at_line_start: bool,
    has_space_after: bool,
}

/// The value behind a sign, if the name before it sounds secret.
fn assigned(text: &str, sign: usize, names: &SensitiveNames) -> Option<Range<usize>> {
    let name = name_before(text, sign)?;
    let sound = names.sound(name.text);
    if sound == Sound::Harmless {
        return None;
    }
    let is_equals = text.as_bytes()[sign] == b'=';
    let rest = &text[sign + 1..];
    // `==`, `=>`, `://` and `::` assign nothing.
    if rest.starts_with(['=', '>']) || (!is_equals && (rest.starts_with("//") || rest.starts_with(':'))) {
        return None;
    }
    let start = sign + 1 + spaces(rest);
    if is_redacted(&text[start..]) {
        return None;
    }
    if let Some(place) = quoted(text, start) {
        return Some(place);
    }
    if is_header(name.text) && (is_equals || is_credential(&text[start..])) {
        return Some(start..start + header_end(&text[start..]));
    }
    let end = start + text[start..].find(is_delimiter).unwrap_or(text.len() - start);
    let is_rest_of_line = matches!(text.as_bytes().get(end), None | Some(b'\n' | b'\r'));
    let value = text[start..end].trim_end_matches(',');
    let is_close = start == sign + 1 && !name.has_space_after;
    let is_code = value.len() <= MAX_WORD && value.contains('(');
    let is_secret = match is_equals {
        _ if sound == Sound::Count && value.bytes().all(|byte| byte.is_ascii_digit()) => false,
        true if is_close => true,
        _ if name.is_quoted => true,
        _ if name.is_at_line_start && is_rest_of_line => !is_code,
        _ => looks_random(value) && !is_code,
    };
    is_secret.then(|| start..start + value.len())
}

/// The name that ends before a sign.
fn name_before(text: &str, sign: usize) -> Option<AssignedName<'_>> {
    let before = &text[..sign];
    let trimmed = before.trim_end_matches(' ');
    let has_space_after = trimmed.len() < before.len();
    if before.len() - trimmed.len() > MAX_SPACES {
        return None;
    }
    let unquoted = trimmed.strip_suffix(['"', '\'']).map(|rest| rest.trim_end_matches('\\'));
    let is_quoted = unquoted.is_some();
    let end = unquoted.unwrap_or(trimmed);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = end.bytes().rev().take(MAX_NAME + 1).take_while(is_part).count();
    if length == 0 || length > MAX_NAME {
        return None;
    }
    let start = end.len() - length;
    let is_at_line_start = is_line_start(&text.as_bytes()[..start]);
    Some(AssignedName { text: &end[start..], is_quoted, is_at_line_start, has_space_after })
}

/// True if only spaces and signs stand between the begin of a line and the end of this text.
fn is_line_start(before: &[u8]) -> bool {
    let is_passed_over = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'-' | b'{' | b'[' | b'(');
    match before.iter().rev().take(MAX_INDENT).find(|byte| !is_passed_over(byte)) {
        Some(byte) => matches!(byte, b'\n' | b'\r'),
        None => before.len() <= MAX_INDENT,
    }
}

/// The value of an option that stands behind it: `--password x`.
fn option(text: &str, space: usize, names: &SensitiveNames) -> Option<Range<usize>> {
    let name = name_before(text, space)?;
    if name.has_space_after || name.is_quoted || !name.text.starts_with("--") || !names.fit(name.text) {
        return None;
    }
    let start = space + spaces(&text[space..]);
    if is_redacted(&text[start..]) {
        return None;
    }
    if let Some(place) = quoted(text, start) {
        return Some(place);
    }
    let end = start + text[start..].find(is_delimiter).unwrap_or(text.len() - start);
    let value = &text[start..end];
    let is_last = end == text.len();
    (!value.starts_with('-') && (is_last || looks_random(value))).then_some(start..end)
}

/// The inside of a text in quotes that begins at a place, to its end or that of the whole text.
fn quoted(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    let escapes = rest.bytes().take(MAX_SPACES).take_while(|byte| *byte == b'\\').count();
    let quote = rest.as_bytes().get(escapes).copied().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let inside = start + escapes + 1;
    let mut is_escaped = false;
    let ends_here = |byte: u8| {
        // A quote with as many escapes as the first one ends it.
        let ends = byte == quote && (escapes > 0 || !is_escaped);
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    };
    let end = text.as_bytes()[inside..].iter().copied().position(ends_here).map_or(text.len(), |end| inside + end);
    let end = text[inside..end].trim_end_matches('\\').len() + inside;
    Some(inside..end)
}

/// True if the value of a header of this name goes on to the end of the line.
fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("authorization") || name.ends_with("cookie")
}

/// True if a header's value is a credential, and not the next word of a sentence.
fn is_credential(value: &str) -> bool {
    let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
    let is_scheme =
        ["bearer", "basic", "digest", "negotiate", "token"].iter().any(|scheme| first.eq_ignore_ascii_case(scheme));
    (is_scheme && !rest.trim().is_empty()) || looks_random(first)
}

fn header_end(value: &str) -> usize {
    let end = value.find(['\n', '\r', '"', '\'', '\\', '&', '<', '>']).unwrap_or(value.len());
    value[..end].trim_end().len()
}

/// True if the value was taken out before.
fn is_redacted(value: &str) -> bool {
    value
        .strip_prefix(REPLACEMENT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(is_delimiter) || rest.starts_with(','))
}

fn spaces(text: &str) -> usize {
    text.bytes().take(MAX_SPACES).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn is_delimiter(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '&' | ';' | '"' | '\'' | '<' | '>' | '}' | ']' | '`' | '|')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        find(text, &SensitiveNames::default()).into_iter().map(|place| &text[place]).collect()
    }

    #[test]
    fn values_of_secret_names_are_found() {
        for (text, expected) in [
            ("password=hunter2", &["hunter2"][..]),
            ("https://a/?token=hunter2&n=1#access_token=abc", &["hunter2", "abc"]),
            ("Server=db;User Id=sa;Password=hunter two;Encrypt=yes", &["hunter"]),
            ("PGPASSWORD=\"a b\" psql", &["a b"]),
            ("mysql --password=hunter2 -u root", &["hunter2"]),
            ("mysql --password hunter2 -u root", &["hunter2"]),
            ("run --api-key 'a b' now", &["a b"]),
            ("login --token abc", &["abc"]),
            ("Authorization: Bearer abc\nAccept: x", &["Bearer abc"]),
            ("curl -H 'Authorization: Basic abc=' x", &["Basic abc="]),
            ("Cookie: sid=abc; theme=dark\r\nHost: x", &["sid=abc; theme=dark"]),
            ("X-Api-Key: abc", &["abc"]),
            ("password: hunter", &["hunter"]),
            ("the password: hunter2 works", &["hunter2"]),
            (r#"{"password": "hunter", "n": 1"#, &["hunter"]),
            (r#"{\"password\":\"hunter\",\"n\":1"#, &["hunter"]),
            (r#"{"pin": 1234, "n""#, &["1234"]),
            ("{'dbPass': 'a\\'b'}", &["a\\'b"]),
            ("password = \"hunter\"", &["hunter"]),
            ("spring.datasource.password=x", &["x"]),
            ("pwd=x y", &["x"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn ordinary_text_has_none() {
        for text in [
            "author=me",
            "passenger: 7",
            "Forgot your password? Click: here",
            "password: see the page about it",
            "a password :: b",
            "if token == other { }",
            "let token = lexer.next();",
            "match token => x",
            "use --password to set one",
            "authorization: required by law, see",
            "time: 12:30",
            "a=b:c",
            "=",
            ":",
            "password=",
            "token:",
            "pinned: true",
            "max_tokens=100",
            "cookie: a biscuit",
            "https://example.com/password/reset",
            "tokens",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn long_and_odd_texts_end() {
        for piece in ["password", "=", ":", " ", "\"", "\\", "--token ", "a=", "password=\"", "ü=", "'"] {
            let text = piece.repeat(20_000);
            find(&text, &SensitiveNames::default());
        }
    }
}
