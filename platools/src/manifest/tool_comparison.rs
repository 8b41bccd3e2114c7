//! [`compare_tools`]: compares the declarations of a tool in two manifests.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::change::ManifestChange;
use super::schema_comparison::{Gap, PROPERTY, gaps};
use platools_protocol::tool_sync::annotation::STRICT_ARGUMENTS;

/// Adds the changes from the tool `old` to the tool `new`.
pub(super) fn compare_tools(name: &str, old: &Value, new: &Value, changes: &mut Vec<ManifestChange>) {
    let mut tool = ChangedTool { name, changes };
    if old["description"] != new["description"] {
        tool.compatible("the description is another".to_owned());
    }
    tool.compare_auth(&old["auth"], &new["auth"]);
    tool.compare_roles(&roles(&old["roles"]), &roles(&new["roles"]));
    tool.compare_annotations(&old["annotations"], &new["annotations"]);
    tool.compare_inputs(&old["input_schema"], &new["input_schema"]);
    tool.compare_defaults(&old["input_schema"], &new["input_schema"]);
    tool.compare_outputs(&old["output_schema"], &new["output_schema"]);
}

/// A tool that both manifests have.
struct ChangedTool<'a> {
    name: &'a str,
    changes: &'a mut Vec<ManifestChange>,
}

impl ChangedTool<'_> {
    fn breaking(&mut self, text: String) {
        self.changes.push(ManifestChange::breaking(self.name, text));
    }

    fn compatible(&mut self, text: String) {
        self.changes.push(ManifestChange::compatible(self.name, text));
    }

    fn compare_auth(&mut self, old: &Value, new: &Value) {
        if old == new {
            return;
        }
        let text = format!("`auth` is {new}, was {old}");
        if auth_rank(new) > auth_rank(old) { self.breaking(text) } else { self.compatible(text) }
    }

    /// A caller needs one of the roles, or none where the list is empty.
    fn compare_roles(&mut self, old: &BTreeSet<&str>, new: &BTreeSet<&str>) {
        if old == new {
            return;
        }
        let text = format!("`roles` are {new:?}, were {old:?}");
        let lets_all_in = new.is_empty() || (!old.is_empty() && old.is_subset(new));
        if lets_all_in { self.compatible(text) } else { self.breaking(text) }
    }

    fn compare_annotations(&mut self, old: &Value, new: &Value) {
        let none = Map::new();
        let (old, new) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
        let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (before, after) = (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
            if before == after {
                continue;
            }
            let text = format!("the annotation `{name}` is {after}, was {before}");
            let is_worse = match name.as_str() {
                "readOnlyHint" => before == &Value::Bool(true),
                "destructiveHint" | STRICT_ARGUMENTS => after == &Value::Bool(true),
                _ => false,
            };
            if is_worse { self.breaking(text) } else { self.compatible(text) }
        }
    }

    /// The new tool has to take every call of the old one.
    fn compare_inputs(&mut self, old: &Value, new: &Value) {
        let broken = self.report_gaps("argument", gaps(old, new), |text, tool| tool.breaking(text), false);
        let mut gone = Vec::new();
        removed_properties("", old, new, &mut gone);
        // A property that an object does not take any more is told already.
        for path in gone.iter().filter(|path| !broken.contains(*path)) {
            self.breaking(format!("argument {path}: it is gone"));
        }
        let widened = gaps(new, old).into_iter().filter(|gap| !broken.contains(&gap.path)).collect();
        self.report_gaps("argument", widened, |text, tool| tool.compatible(text), true);
    }

    /// Callers know every result of the new tool from the old one.
    fn compare_outputs(&mut self, old: &Value, new: &Value) {
        match (old.is_null(), new.is_null()) {
            (true, true) => {}
            (true, false) => self.compatible("the result has a schema".to_owned()),
            (false, true) => self.breaking("the result has no schema any more".to_owned()),
            (false, false) => {
                let broken = self.report_gaps("result", gaps(new, old), |text, tool| tool.breaking(text), true);
                let narrowed = gaps(old, new).into_iter().filter(|gap| !broken.contains(&gap.path)).collect();
                self.report_gaps("result", narrowed, |text, tool| tool.compatible(text), false);
            }
        }
    }

    /// Tells gaps, and returns their paths. `new_is_narrow` says which side of a gap is the new schema.
    fn report_gaps(
        &mut self,
        part: &str,
        gaps: Vec<Gap>,
        tell: impl Fn(String, &mut Self),
        new_is_narrow: bool,
    ) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for gap in gaps {
            let place = if gap.path.is_empty() { format!("{part}s") } else { format!("{part} {}", gap.path) };
            let place = if part == "result" && gap.path.is_empty() { part.to_owned() } else { place };
            let (old, new) = if new_is_narrow { (&gap.wide, &gap.narrow) } else { (&gap.narrow, &gap.wide) };
            tell(format!("{place}: {}", change_in_words(&gap.keyword, old, new)), self);
            paths.insert(gap.path);
        }
        paths
    }

    /// A caller that leaves an argument out gets its default.
    fn compare_defaults(&mut self, old: &Value, new: &Value) {
        let properties = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
        let changed = properties(new);
        for (name, before) in properties(old) {
            let Some(after) = changed.get(&name) else { continue };
            if before.get("default").is_some() && before.get("default") != after.get("default") {
                let text = change_in_words("default", &before["default"], &after["default"]);
                self.breaking(format!("argument /{name}: {text}"));
            }
        }
    }
}

/// A changed keyword in words. The value of `required` is that of one name.
fn change_in_words(keyword: &str, old: &Value, new: &Value) -> String {
    match (keyword, new) {
        (PROPERTY, Value::Bool(true)) => "it is new".to_owned(),
        (PROPERTY, _) => "it is gone".to_owned(),
        ("required", Value::Bool(true)) => "it is required, was optional".to_owned(),
        ("required", _) => "it is optional, was required".to_owned(),
        _ => format!("`{keyword}` is {}, was {}", in_words(new), in_words(old)),
    }
}

fn in_words(value: &Value) -> String {
    if value.is_null() { "absent".to_owned() } else { value.to_string() }
}

/// Paths of the properties of `old` that `new` does not name and may ignore.
fn removed_properties(path: &str, old: &Value, new: &Value, gone: &mut Vec<String>) {
    let Some(properties) = old.get("properties").and_then(Value::as_object) else { return };
    // A schema that names none, such as that of a map, takes all of them.
    let Some(known) = new.get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        let path = format!("{path}/{name}");
        match known.get(name) {
            Some(same) => removed_properties(&path, property, same, gone),
            None => gone.push(path),
        }
    }
}

fn roles(roles: &Value) -> BTreeSet<&str> {
    roles.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn auth_rank(auth: &Value) -> usize {
    ["none", "user", "admin"].iter().position(|level| auth == level).unwrap_or_default()
}
