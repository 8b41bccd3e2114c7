//! [`ToolDeclaration`]: describes one tool in a worker's registration. [`read_all`] reads the tools of a registration; it returns each tool
//! that it cannot read as an [`UnreadableTool`].

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::frame_error::{FrameError, malformed};
use crate::json_members::pick;
use crate::truncate::truncate;

/// A tool as a worker declares it: exactly these seven keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolDeclaration {
    /// Unique within the worker.
    pub name: String,
    /// A description for the model that chooses the tool.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the arguments, an object at the root.
    pub input_schema: Value,
    /// JSON Schema of the result, or `null` where none is declared.
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// `none`, `user` or `admin`.
    #[serde(default = "no_auth")]
    pub auth: String,
    /// The caller needs one of these, if there are any.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Free: hints of the Model Context Protocol, `category`, and what a platform knows besides.
    #[serde(default)]
    pub annotations: Map<String, Value>,
}

impl ToolDeclaration {
    /// A tool that anyone may call.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>, input_schema: Value) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            input_schema,
            output_schema: None,
            auth: no_auth(),
            roles: Vec::new(),
            annotations: Map::new(),
        }
    }
}

fn no_auth() -> String {
    "none".to_owned()
}

/// A name in the words about a tool has at most so many bytes: 512.
const MAX_NAME_BYTES: usize = 512;

/// At most so many unreadable tools of one registration are named: 1,000.
const MAX_UNREADABLE: usize = 1000;

/// A tool of a registration whose declaration makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableTool {
    /// Its name, or `#` and its position from 0 on if it has none that can be read. At most 512 bytes.
    pub name: String,
    /// The mistake, for the author of the tool.
    pub reason: String,
}

const KIND: &str = "tool_register";

/// Reads the tools of a registration, each on its own.
///
/// # Errors
/// The frame is no JSON, or has no list of tools.
pub(super) fn read_all(text: &str) -> Result<(Vec<ToolDeclaration>, Vec<UnreadableTool>), FrameError> {
    let [tools] = pick(text, ["tools"]).map_err(FrameError::NotAnObject)?;
    let tools = tools.filter(|tools| tools.get() != "null");
    let tools = tools.ok_or_else(|| malformed(KIND, None, "`tools` is missing; send a list, which may be empty"))?;
    let tools: Vec<&RawValue> = serde_json::from_str(tools.get())
        .map_err(|_| malformed(KIND, None, "`tools` is not a list; send a list, which may be empty"))?;
    let (mut read, mut unreadable) = (Vec::with_capacity(tools.len()), Vec::new());
    for (index, tool) in tools.into_iter().enumerate() {
        match declaration(tool) {
            Ok(tool) => read.push(tool),
            Err(_) if unreadable.len() >= MAX_UNREADABLE => {}
            Err((name, reason)) => {
                let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("#{index}"));
                unreadable.push(UnreadableTool { name: truncate(&name, MAX_NAME_BYTES).to_owned(), reason });
            }
        }
    }
    Ok((read, unreadable))
}

/// Reads a tool, or its name and the mistake in it.
fn declaration(tool: &RawValue) -> Result<ToolDeclaration, (Option<String>, String)> {
    let mut members: Map<String, Value> =
        serde_json::from_str(tool.get()).map_err(|error| (None, not_read(tool.get(), &error)))?;
    let name = match members.get("name") {
        Some(Value::String(name)) => name.trim().to_owned(),
        None | Some(Value::Null) => return Err((None, "it has no name".to_owned())),
        Some(_) => return Err((None, "its name is not a string".to_owned())),
    };
    ToolMembers(&mut members).declaration(&name).map_err(|reason| (Some(name), reason))
}

fn not_read(tool: &str, error: &serde_json::Error) -> String {
    if tool.starts_with('{') {
        // The text of the error may quote the declaration.
        format!("its declaration cannot be read at column {}", error.column())
    } else {
        "its declaration is not an object".to_owned()
    }
}

/// The members of a tool's declaration. One that is missing or `null` has its default.
struct ToolMembers<'a>(&'a mut Map<String, Value>);

impl ToolMembers<'_> {
    fn declaration(mut self, name: &str) -> Result<ToolDeclaration, String> {
        // The other spellings are those of workers that write names in camel case, and of older ones.
        let schema = ["input_schema", "inputSchema", "paramSchema"].into_iter().find_map(|name| self.take(name));
        let mut tool = ToolDeclaration::new(name, "", schema.unwrap_or_else(|| Value::Object(Map::new())));
        if let Some(description) = self.typed("description", "a string")? {
            tool.description = description;
        }
        tool.output_schema = self.take("output_schema").or_else(|| self.take("outputSchema"));
        if let Some(auth) = self.typed("auth", "a string")? {
            tool.auth = auth;
        }
        tool.roles = self.typed("roles", "a list of strings")?.unwrap_or_default();
        tool.annotations = self.typed("annotations", "an object")?.unwrap_or_default();
        if let Some(Value::String(category)) = self.take("category") {
            tool.annotations.entry("category").or_insert(Value::String(category));
        }
        Ok(tool)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }

    fn typed<T: serde::de::DeserializeOwned>(&mut self, name: &str, kind: &str) -> Result<Option<T>, String> {
        let value = self.take(name).map(serde_json::from_value).transpose();
        value.map_err(|_| format!("its `{name}` is not {kind}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(tools: &Value) -> (Vec<ToolDeclaration>, Vec<(String, String)>) {
        let (read, unreadable) = read_all(&json!({"type": "tool_register", "tools": tools}).to_string()).unwrap();
        (read, unreadable.into_iter().map(|tool| (tool.name, tool.reason)).collect())
    }

    #[test]
    fn members_that_are_missing_or_null_have_their_defaults() {
        let nulls = json!({"name": " a ", "description": null, "input_schema": null, "output_schema": null, "auth": null,
            "roles": null, "annotations": null, "extra": 1});
        let (tools, unreadable) = read(&json!([nulls, {"name": "b"}]));
        assert_eq!(unreadable, []);
        assert_eq!(tools, [ToolDeclaration::new("a", "", json!({})), ToolDeclaration::new("b", "", json!({}))]);
    }

    #[test]
    fn older_spellings_are_read() {
        let schema = json!({"type": "object", "properties": {"n": {}}});
        let (tools, _) = read(&json!([{"name": "a", "paramSchema": schema, "category": "orders"}]));
        assert_eq!((&tools[0].input_schema, &tools[0].annotations["category"]), (&schema, &json!("orders")));
        let (tools, _) = read(&json!([{"name": "a", "inputSchema": schema, "outputSchema": {"type": "string"}}]));
        assert_eq!((&tools[0].input_schema, &tools[0].output_schema), (&schema, &Some(json!({"type": "string"}))));
    }

    #[test]
    fn a_tool_that_makes_no_sense_is_named_with_its_mistake_and_costs_no_other() {
        let (tools, unreadable) = read(&json!([
            {"name": "good"}, 7, {"description": "x"}, {"name": 7}, {"name": "d", "description": 7}, {"name": "e", "auth": 7},
            {"name": "f", "roles": "x"}, {"name": "g", "annotations": []}, {"name": "last"},
        ]));
        assert_eq!(tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["good", "last"]);
        let expected = [
            ("#1", "its declaration is not an object"),
            ("#2", "it has no name"),
            ("#3", "its name is not a string"),
            ("d", "its `description` is not a string"),
            ("e", "its `auth` is not a string"),
            ("f", "its `roles` is not a list of strings"),
            ("g", "its `annotations` is not an object"),
        ];
        assert_eq!(unreadable, expected.map(|(name, reason)| (name.to_owned(), reason.to_owned())));
    }

    #[test]
    fn without_a_list_of_tools_nothing_is_registered() {
        for text in [r#"{"type":"tool_register"}"#, r#"{"tools":null}"#, r#"{"tools":{}}"#] {
            let error = read_all(text).unwrap_err().to_string();
            assert!(error.contains("send a list, which may be empty"), "{error}");
        }
    }
}
