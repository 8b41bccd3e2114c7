//! [`Target`]: finds the schema that a reference leads to within the same document.

use serde_json::{Map, Value};

use super::subschemas::Subschemas;

/// A schema within a document, by the names and indexes that lead to it in the form of draft 2020-12.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Target(pub(super) Vec<String>);

/// The endings of the names under which the converter of TypeScript workers defines a tool's two schemas.
const CONVERTED: [&str; 2] = ["__input", "__output"];

impl Target {
    /// The schema that `reference` leads to; `None` for references to other documents and to anchors, and for those that lead
    /// nowhere.
    ///
    /// Two kinds of references lead somewhere although the document does not say so. A TypeScript worker moves the schema
    /// `<tool>__input` from `definitions` to the root, and all its other definitions to `$defs`, and leaves the references as they
    /// were.
    pub(super) fn of(root: &Value, reference: &str) -> Option<Self> {
        let fragment = reference.strip_prefix('#')?;
        if fragment.is_empty() {
            return Some(Self(Vec::new()));
        }
        let tokens: Vec<&str> = fragment.strip_prefix('/')?.split('/').collect();
        let found = follow(root, &tokens);
        let found = found.or_else(|| follow(root, behind_converted(&tokens)?));
        let found = found.or_else(|| {
            let (_, rest) = tokens.split_first().filter(|(first, _)| **first == "definitions")?;
            follow(root, &[&["$defs"], rest].concat())
        });
        found.map(Self)
    }

    /// The name in `$defs` that the schema already has, if a reference to it needs no escapes.
    pub(super) fn definition(&self) -> Option<&str> {
        match self.0.as_slice() {
            [keyword, name] if keyword == "$defs" && is_plain(name) => Some(name),
            _ => None,
        }
    }

    /// The schema itself. The document is in the form of draft 2020-12.
    pub(super) fn in_document<'a>(&self, root: &'a mut Value) -> Option<&'a mut Value> {
        self.0.iter().try_fold(root, |value, token| match value {
            Value::Object(members) => members.get_mut(token),
            Value::Array(items) => items.get_mut(token.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// Returns true if a name is the same in a pointer and in a URL.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || "_-.".contains(character))
}

/// The path behind `definitions/<tool>__input`. A tool's name may have slashes, which the converter does not escape.
fn behind_converted<'a, 'b>(tokens: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let (_, rest) = tokens.split_first().filter(|(first, _)| **first == "definitions")?;
    let end = rest.iter().position(|token| CONVERTED.iter().any(|ending| token.ends_with(ending)))?;
    rest.get(end + 1..)
}

/// Follows a path from schema to schema; `None` where it leads nowhere, or to a value that is no schema.
fn follow(root: &Value, tokens: &[&str]) -> Option<Vec<String>> {
    let (mut path, mut schema, mut rest) = (Vec::new(), root, tokens);
    while let Some((keyword, behind)) = rest.split_first() {
        let members = schema.as_object()?;
        let value = members.get(*keyword)?;
        path.push(current_keyword(members, keyword, behind).to_owned());
        (schema, rest) = match (Subschemas::under(keyword, value), value) {
            (Subschemas::Schema, value) => (value, behind),
            (Subschemas::List, Value::Array(items)) => {
                let (index, behind) = behind.split_first()?;
                path.push((*index).to_owned());
                (items.get(index.parse::<usize>().ok()?)?, behind)
            }
            (Subschemas::Names, Value::Object(names)) => {
                let (name, value, behind) = member(names, behind)?;
                path.push(name);
                (value, behind)
            }
            _ => return None,
        };
    }
    (schema.is_object() || schema.is_boolean()).then_some(path)
}

/// The keyword of draft 2020-12 for one of an earlier draft.
fn current_keyword<'a>(schema: &Map<String, Value>, keyword: &'a str, behind: &[&str]) -> &'a str {
    let has_tuple = schema.get("items").is_some_and(Value::is_array);
    match keyword {
        "items" if has_tuple => "prefixItems",
        "additionalItems" if has_tuple => "items",
        "definitions" => "$defs",
        "dependencies" if !behind.is_empty() => "dependentSchemas",
        other => other,
    }
}

/// The member that the next tokens name, its value, and the tokens behind it. Converters leave out the escapes of names, so a name
/// may be one token as it is, or several.
fn member<'a, 'b, 'c>(
    names: &'a Map<String, Value>,
    tokens: &'b [&'c str],
) -> Option<(String, &'a Value, &'b [&'c str])> {
    let first = tokens.first()?;
    let unescaped = percent_decoded(first).replace("~1", "/").replace("~0", "~");
    if let Some(value) = names.get(&unescaped) {
        return Some((unescaped, value, &tokens[1..]));
    }
    (1..=tokens.len()).find_map(|count| {
        let name = tokens[..count].join("/");
        names.get(&name).map(|value| (name, value, &tokens[count..]))
    })
}

/// The text with the bytes that `%` and two digits stand for; the text itself where they are not UTF-8.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
