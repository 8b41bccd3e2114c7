//! [`put`]: puts an MCP server's tools into a worker's registry. A tool whose name not every client accepts gets another name.

use std::sync::Arc;

use platools::tool::{Content, FunctionTool, MAX_NAME_CHARS};
use platools::{ToolDefinition, ToolRegistry};
use rmcp::model::ToolAnnotations;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::call::{Call, Form};
use super::connection::Session;

/// The characters of a digest that tell equal names apart.
const DIGEST_CHARS: usize = 8;

/// Makes a registry what a server's list is. A tool that cannot be hosted is left out, and the log says why.
pub(super) fn put(registry: &ToolRegistry, listed: Vec<rmcp::model::Tool>, session: &watch::Sender<Option<Session>>) {
    let hosted: Vec<_> = listed.into_iter().map(|tool| (Arc::from(&*tool.name), definition(tool))).collect();
    let is_gone = |name: &str| hosted.iter().all(|(_, definition)| definition.name != name);
    for name in registry.names().into_iter().filter(|name| is_gone(name)) {
        registry.remove(&name);
        tracing::info!(tool.name = name, "tool removed: the MCP server no longer has it");
    }
    for (tool, definition) in hosted {
        if registry.get(&definition.name).is_some_and(|known| *known == definition) {
            continue;
        }
        let name = definition.name.clone();
        match registry.replace(host(tool, definition, session.subscribe())) {
            Ok(()) => tracing::info!(tool.name = name, "tool hosted"),
            Err(error) => tracing::warn!(%error, "tool of the MCP server not hosted"),
        }
    }
}

/// Hosts the tool that the server knows as `tool`.
fn host(tool: Arc<str>, definition: ToolDefinition, session: watch::Receiver<Option<Session>>) -> FunctionTool {
    let form = if definition.returns_content() { Form::Content } else { Form::Value };
    let call = Arc::new(Call { tool, form, session });
    definition.handler(move |arguments, context| Arc::clone(&call).run(arguments, context))
}

fn definition(tool: rmcp::model::Tool) -> ToolDefinition {
    let mut schema = (*tool.input_schema).clone();
    // Servers may leave out what the protocol says anyway.
    schema.entry("type").or_insert_with(|| "object".into());
    let description = tool.description.unwrap_or_default();
    let mut definition = ToolDefinition::new(hosted_name(&tool.name), description, Value::Object(schema));
    let described = tool.output_schema.map(|schema| Value::Object((*schema).clone()));
    definition.output_schema = Some(described.unwrap_or_else(text_or_parts));
    definition.annotations = annotations(tool.annotations);
    definition
}

/// The schema of results that their server does not describe.
fn text_or_parts() -> Value {
    let mut schema = Content::schema();
    schema["type"] = json!(["object", "string"]);
    schema
}

/// Hints have the same names on both sides.
fn annotations(annotations: Option<ToolAnnotations>) -> Map<String, Value> {
    match serde_json::to_value(annotations) {
        Ok(Value::Object(hints)) => hints,
        _ => Map::new(),
    }
}

/// The name a tool is hosted under: its own, if every client takes that. Otherwise one made of it that no other name becomes, now
/// or later.
fn hosted_name(name: &str) -> String {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.starts_with(starts) && name.chars().all(fits) && name.len() <= MAX_NAME_CHARS {
        return name.to_owned();
    }
    let first = if name.starts_with(starts) { "" } else { "_" };
    let room = MAX_NAME_CHARS - DIGEST_CHARS - 1 - first.len();
    let readable: String = name.chars().map(|c| if fits(c) { c } else { '_' }).take(room).collect();
    let digest = hex::encode(Sha256::digest(name));
    format!("{first}{readable}_{}", &digest[..DIGEST_CHARS])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn tool(value: Value) -> rmcp::model::Tool {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_name_that_every_client_takes_stays() {
        for name in ["look_up", "a-1", "_x", &"n".repeat(64)] {
            assert_eq!(hosted_name(name), *name);
        }
    }

    #[test]
    fn other_names_become_ones_that_can_be_taken_and_are_all_different() {
        let long = ["n".repeat(65), "n".repeat(66)];
        let names = ["files.read", "files/read", "files_read", "1st", ".", "für", "", &long[0], &long[1]];
        let hosted: HashSet<_> = names.iter().map(|name| hosted_name(name)).collect();
        assert_eq!(hosted.len(), names.len());
        for name in hosted {
            let definition = ToolDefinition::new(&name, "", json!({"type": "object"}));
            assert!(definition.validate().is_ok(), "{name}");
        }
        assert!(hosted_name("files.read").starts_with("files_read_"));
    }

    #[test]
    fn what_a_server_says_of_a_tool_is_what_the_worker_says() {
        let schema = json!({"properties": {"n": {"type": "integer"}}});
        let definition = definition(tool(json!({
            "name": "double", "description": "Twice.", "inputSchema": schema,
            "outputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true, "title": "Double it"}
        })));
        assert_eq!(definition.description, "Twice.");
        assert_eq!(definition.input_schema, json!({"properties": {"n": {"type": "integer"}}, "type": "object"}));
        assert_eq!(definition.output_schema, Some(json!({"type": "object"})));
        assert_eq!(Value::Object(definition.annotations), json!({"readOnlyHint": true, "title": "Double it"}));
    }

    #[test]
    fn a_tool_whose_results_nobody_describes_returns_content() {
        let of = |schema: Value| definition(tool(schema));
        assert!(of(json!({"name": "t", "inputSchema": {"type": "object"}})).returns_content());
        let described = json!({"name": "t", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}});
        assert!(!of(described).returns_content());
    }

    #[test]
    fn a_registry_follows_the_list() {
        let (registry, session) = (ToolRegistry::new(), watch::Sender::new(None));
        let listed = |names: &[&str]| {
            names.iter().map(|name| tool(json!({"name": name, "inputSchema": {"type": "object"}}))).collect()
        };
        put(&registry, listed(&["a", "b"]), &session);
        let before = registry.changes();
        put(&registry, listed(&["a", "b"]), &session);
        assert!(!before.has_changed().unwrap(), "nothing changed");
        put(&registry, listed(&["b", "c.d"]), &session);
        assert_eq!(registry.names(), ["b".to_owned(), hosted_name("c.d")]);
    }
}
