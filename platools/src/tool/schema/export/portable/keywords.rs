//! Rewrites keywords, formats and patterns that not every MCP client knows: they become sentences of the description, or are left out.

use serde_json::Value;

use super::pattern::is_portable;
use super::schema_change::{SchemaChange, Side};
use crate::tool::schema::export::composed_node::Node;
use crate::tool::schema::export::keyword_notes::{conditions, join, sentences};

/// The keywords that draft-07 and draft 2020-12 have in common, with the same meaning.
const KNOWN: [&str; 45] = [
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "default",
    "definitions",
    "deprecated",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
];

/// Keywords beside them that a later step treats.
const TREATED: [&str; 3] = ["additionalItems", "uniqueItems", "writeOnly"];

/// Keywords without effect on which values fit.
const NOTES: [&str; 4] = ["$vocabulary", "contentSchema", "discriminator", "nullable"];

/// The formats of arguments that validators of every language know by these names, with the meaning of the standard. Libraries write `time` for
/// times without an offset, too.
const FORMATS: [&str; 12] = [
    "date",
    "date-time",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "uri",
    "uri-reference",
    "uuid",
];

/// Drops keywords that strict validators refuse: extensions such as `x-order`, and those of one draft only.
pub(super) fn drop_unknown(node: &mut Node) -> SchemaChange {
    // `minContains` is not in draft-07, and `contains` means something else without it.
    let counts_items = node.contains_key("minContains") || node.contains_key("maxContains");
    replace_exclusive_flags(node);
    let is_known = |keyword: &str| {
        (KNOWN.contains(&keyword) || TREATED.contains(&keyword)) && !(counts_items && keyword == "contains")
    };
    let is_void = |keyword: &str| keyword == "contains" && node.get("minContains").and_then(Value::as_u64) == Some(0);
    let lost = conditions(node, |keyword| !is_known(keyword) && !is_void(keyword)).join(" ");
    describe_after(node, &lost);
    let unknown: Vec<_> = node.keys().filter(|keyword| !is_known(keyword)).cloned().collect();
    let mut change = SchemaChange::Same;
    for keyword in unknown {
        node.shift_remove(&keyword);
        if !NOTES.contains(&keyword.as_str()) && !keyword.starts_with("x-") {
            change = SchemaChange::Looser;
        }
    }
    change
}

/// Makes a bound of `exclusiveMinimum: true`, the form of draft-04.
fn replace_exclusive_flags(node: &mut Node) {
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        let Some(Value::Bool(is_exclusive)) = node.get(flag) else { continue };
        let is_exclusive = *is_exclusive;
        node.shift_remove(flag);
        if let Some(number) = node.get(bound).cloned().filter(|_| is_exclusive) {
            node.shift_remove(bound);
            node.insert(flag.to_owned(), number);
        }
    }
}

/// Puts a format that not every validator knows into the description, and every format of a result.
///
/// A format of a result only tells more. A client that checks it loses results: libraries write `date-time` for local times, too.
pub(super) fn tell_formats(node: &mut Node, side: Side) -> SchemaChange {
    let Some(format) = node.get("format").and_then(Value::as_str) else {
        node.shift_remove("format");
        return SchemaChange::Same;
    };
    if side == Side::Arguments && FORMATS.contains(&format) {
        return SchemaChange::Same;
    }
    tell(node, "format")
}

/// Puts a pattern that not every dialect of regular expressions reads into the description.
pub(super) fn tell_patterns(node: &mut Node) -> SchemaChange {
    let mut change = SchemaChange::Same;
    if let Some(Value::Object(named)) = node.get_mut("patternProperties") {
        let before = named.len();
        named.retain(|pattern, _| is_portable(pattern));
        if named.len() < before {
            // Which properties are additional ones is unknown from here on.
            node.shift_remove("additionalProperties");
            change = SchemaChange::Looser;
        }
    }
    if node.get("pattern").and_then(Value::as_str).is_some_and(|pattern| !is_portable(pattern)) {
        change = tell(node, "pattern");
    }
    change
}

fn tell(node: &mut Node, keyword: &str) -> SchemaChange {
    let sentence = sentences(node, |lost| lost == keyword);
    node.shift_remove(keyword);
    describe_after(node, &sentence);
    SchemaChange::Looser
}

/// Puts a text behind the description.
pub(super) fn describe_after(node: &mut Node, text: &str) {
    let earlier = node.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = join(earlier, text);
    if !description.is_empty() {
        node.insert("description".to_owned(), description.into());
    }
}
