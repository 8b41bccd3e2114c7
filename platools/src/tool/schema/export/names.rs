//! [`tool_name`]: changes the name of a tool into one that every model's interface accepts. [`rename_arguments`] does the same for
//! arguments.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::composed_node::Node;
use super::keyword_notes::{conditions, describe};

/// The longest name, of a tool and of an argument, in characters. OpenAI and Gemini have this limit for tools, Anthropic for arguments.
const MAX_CHARS: usize = 64;

/// The characters of a hash that keep a changed name apart from others.
const HASH_CHARS: usize = 8;

/// The name of a tool as every interface takes it: a letter or `_`, then letters, digits, `_` and `-`.
///
/// OpenAI takes `^[a-zA-Z0-9_-]{1,64}$`, Anthropic `^[a-zA-Z0-9_-]{1,128}$`, and
/// [Gemini](https://ai.google.dev/api/caching#FunctionDeclaration) a letter or `_` in front.
pub(super) fn tool_name(name: &str) -> Cow<'_, str> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if starts_well && name.chars().all(is_plain) && name.len() <= MAX_CHARS {
        return name.into();
    }
    let front = if starts_well { "" } else { "_" };
    hashed(&format!("{front}{}", plain(name, is_plain)), name).into()
}

/// Gives the arguments of an object names that Anthropic takes, `^[a-zA-Z0-9_.-]{1,64}$`. Returns the tool's own names by the new ones.
pub(super) fn rename_arguments(schema: &mut Value) -> BTreeMap<String, String> {
    let mut own_names = BTreeMap::new();
    let Some(node) = schema.as_object_mut() else { return own_names };
    let Some(Value::Object(properties)) = node.get("properties") else { return own_names };
    let mut taken: BTreeSet<_> = properties.keys().filter(|name| is_argument_name(name)).cloned().collect();
    for name in properties.keys().filter(|name| !is_argument_name(name)) {
        let short: String = plain(name, is_argument_character).chars().take(MAX_CHARS).collect();
        let new = if short.is_empty() || taken.contains(&short) { hashed(&short, name) } else { short };
        taken.insert(new.clone());
        own_names.insert(new, name.clone());
    }
    if !own_names.is_empty() {
        rename(node, &own_names);
    }
    own_names
}

fn rename(node: &mut Node, own_names: &BTreeMap<String, String>) {
    let new_names: BTreeMap<_, _> = own_names.iter().map(|(new, own)| (own.as_str(), new.as_str())).collect();
    // Conditions name arguments as the tool does.
    let said = conditions(node, |_| true).join(" ");
    for keyword in CONDITIONS {
        node.shift_remove(keyword);
    }
    describe(node, &said);
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        let renamed = std::mem::take(properties).into_iter().map(|(name, mut schema)| {
            let Some(new) = new_names.get(name.as_str()) else { return (name, schema) };
            if let Value::Object(node) = &mut schema {
                describe(node, &format!("The tool calls it `{name}`."));
            }
            ((*new).to_owned(), schema)
        });
        *properties = renamed.collect::<Map<_, _>>();
    }
    for name in node.get_mut("required").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(new) = name.as_str().and_then(|name| new_names.get(name)) {
            *name = Value::from(*new);
        }
    }
}

/// Keywords at the root that name arguments.
const CONDITIONS: [&str; 6] = ["if", "then", "else", "dependentRequired", "dependentSchemas", "not"];

fn is_argument_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_CHARS && name.chars().all(is_argument_character)
}

fn is_argument_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_.-".contains(character)
}

fn plain(name: &str, is_plain: impl Fn(char) -> bool) -> String {
    name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect()
}

/// A name with the hash of the one that it stands for.
fn hashed(plain: &str, name: &str) -> String {
    let hash = hex::encode(Sha256::digest(name));
    let kept: String = plain.chars().take(MAX_CHARS - HASH_CHARS - 1).collect();
    format!("{kept}_{}", &hash[..HASH_CHARS])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_that_every_interface_takes_stays() {
        for name in ["a", "_", "send-mail_2", &"x".repeat(64)] {
            assert_eq!(tool_name(name), name);
        }
        let odd = ["files.read", "files/read", "3d", "-a", "größe", "", &"x".repeat(65)];
        let names: BTreeSet<_> = odd.iter().map(|name| tool_name(name).into_owned()).collect();
        assert_eq!(names.len(), odd.len(), "{names:?}");
        assert!(names.iter().all(|name| tool_name(name) == *name), "{names:?}");
    }

    #[test]
    fn arguments_with_other_names_are_found_again() {
        let long = "l".repeat(70);
        let mut schema = json!({
            "type": "object",
            "properties": {"$top": {"type": "integer"}, "filter[id]": {}, "filter_id_": {}, "filter(id)": {"description": "It."}, (&long): {}, "ok": {}},
            "required": ["filter[id]", "ok"],
            "dependentRequired": {"$top": ["ok"]}
        });
        let names = rename_arguments(&mut schema);
        let properties = schema["properties"].as_object().unwrap();
        assert!(properties.keys().all(|name| is_argument_name(name)), "{properties:?}");
        assert_eq!((properties.len(), names.len()), (6, 4));
        assert_eq!(names["_top"], "$top");
        let own = |name: &Value| names.get(name.as_str().unwrap()).map(String::as_str);
        assert_eq!([own(&schema["required"][0]), own(&schema["required"][1])], [Some("filter[id]"), None]);
        assert_eq!(properties["_top"]["description"], "The tool calls it `$top`.");
        assert_eq!(schema["description"], "With `$top`, `ok` is required.");
        assert!(schema.get("dependentRequired").is_none());
    }
}
