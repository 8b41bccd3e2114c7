//! [`exclude_nothing`]: makes the schema of a text with a `format`, such as `date`, refuse `""` and `"null"`. [`form_at`] describes a
//! format with an example, for messages. `schema/prepare/integer_formats.rs` has the formats of integers.

use serde_json::{Value, json};

use super::rule::Path;
use crate::tool::schema::prepare::each_schema;

/// Has the schema of a type say that the texts which models write for nothing are none of its formats.
///
/// To a validator a format is a remark. The types behind formats, such as dates, read neither of these texts.
pub(super) fn exclude_nothing(schema: &mut Value) {
    each_schema(schema, &mut |node| {
        if node.get("format").is_some_and(Value::is_string) && takes_text(node.get("type")) && !node.contains_key("not")
        {
            node.insert("not".to_owned(), json!({"enum": ["", "null"]}));
        }
    });
}

fn takes_text(json_type: Option<&Value>) -> bool {
    match json_type {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => false,
    }
}

/// The form of the text at a path, if its schema has a format that is known here.
pub(super) fn form_at(root: &Value, path: &Path) -> Option<&'static str> {
    form_of(format_at(root, root, &path.0, MAX_REFERENCES)?)
}

/// References may lead in a circle.
const MAX_REFERENCES: usize = 32;

fn format_at<'a>(root: &'a Value, schema: &'a Value, path: &[String], left: usize) -> Option<&'a str> {
    let left = left.checked_sub(1)?;
    let keyword = |name: &str| schema.get(name);
    if let Some(reference) = keyword("$ref").and_then(Value::as_str) {
        return format_at(root, root.pointer(reference.strip_prefix('#')?)?, path, left);
    }
    let branches = ["anyOf", "oneOf", "allOf"].iter().filter_map(|name| keyword(name)?.as_array()).flatten();
    let in_branch = || branches.into_iter().find_map(|branch| format_at(root, branch, path, left));
    let Some((first, rest)) = path.split_first() else {
        return keyword("format").and_then(Value::as_str).or_else(in_branch);
    };
    let index = || first.parse::<usize>().ok();
    let member = keyword("properties").and_then(|properties| properties.get(first));
    let item = || index().and_then(|index| keyword("prefixItems")?.get(index));
    let other = || if index().is_some() { keyword("items") } else { keyword("additionalProperties") };
    let within = member.or_else(item).or_else(other);
    within.and_then(|schema| format_at(root, schema, rest, left)).or_else(in_branch)
}

fn form_of(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "a date and time with an offset, such as 2025-01-31T09:30:00Z",
        "partial-date-time" => "a date and time without an offset, such as 2025-01-31T09:30:00",
        "date" => "a date such as 2025-01-31",
        "time" | "partial-time" => "a time such as 09:30:00",
        "duration" => "a duration such as PT1H30M",
        "uuid" => "a UUID such as 67e55044-10b1-426f-9247-bb680e5fe0c8",
        "uri" | "url" => "a URL such as https://example.com/a",
        "ipv4" => "an address such as 192.0.2.1",
        "ipv6" => "an address such as 2001:db8::1",
        "ip" => "an address such as 192.0.2.1 or 2001:db8::1",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_text_is_found_at_its_path() {
        let schema = json!({
            "properties": {"trips": {"type": "array", "items": {"$ref": "#/$defs/Trip"}}, "loop": {"$ref": "#/properties/loop"}},
            "$defs": {"Trip": {"anyOf": [{"type": "null"}, {"properties": {"from": {"type": ["string", "null"], "format": "date"}}}]}}
        });
        let at = |path: &[&str]| form_at(&schema, &Path(path.iter().map(|step| (*step).to_owned()).collect()));
        assert_eq!(at(&["trips", "3", "from"]), Some("a date such as 2025-01-31"));
        assert_eq!((at(&["trips", "3"]), at(&["loop", "a"]), at(&["x"])), (None, None, None));
    }
}
