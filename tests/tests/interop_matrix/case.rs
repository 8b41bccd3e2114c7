//! [`Case`]: holds a valid call of a tool, and the result that the call must have.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A valid call of a tool, and its result.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Case {
    pub(crate) tool: String,
    pub(crate) arguments: Value,
    /// The value of the result.
    result: Value,
    /// Clients get the result as structured content, too.
    structured: bool,
    /// The blocks of a result in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
    /// A part of the text of a result that breaks its schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
    /// The result may be too long to arrive.
    long: bool,
    /// The arguments fit the listed schema. The gateway also takes `null` for an absent value, and a number in a string.
    #[serde(default)]
    fits: bool,
}

impl Case {
    /// A tool that returns this value, which its output schema describes.
    pub(crate) fn returning(tool: &str, arguments: Value, result: Value) -> Self {
        let (tool, structured) = (tool.to_owned(), result.is_object());
        Self { tool, arguments, result, structured, content: None, broken: None, long: false, fits: false }.with_fit()
    }

    /// The same, with a note whether its arguments are of the schema that clients are shown.
    pub(crate) fn with_fit(mut self) -> Self {
        let is_lenient = self.arguments["value"].is_string() && self.result["value"].is_number();
        // zod 3 writes the format `date-time` for it, which has an offset.
        let is_local = self.tool.ends_with("local_datetime");
        self.fits = !is_lenient && !is_local && !has_null(&self.arguments);
        self
    }

    /// True if clients make the call. Of the generated tools, one in ten is called.
    pub(crate) fn is_called(&self) -> bool {
        !self.tool.starts_with(GENERATED) || self.tool.ends_with('0')
    }

    /// True for a result of several MiB.
    pub(crate) fn is_long(&self) -> bool {
        self.long
    }

    /// True if the form of the result depends on the revision.
    pub(crate) fn is_content(&self) -> bool {
        self.content.is_some() || self.broken.is_some()
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// The beginning of the names of generated tools.
const GENERATED: &str = "generated_";

/// A tool that is generated, by its number.
pub(crate) fn generated(number: usize) -> (Value, Case) {
    let name = format!("{GENERATED}{number:03}");
    let schema = json!({
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0}, "text": {"type": "string", "description": format!("The text {number}")}},
        "required": ["n"],
    });
    let tool =
        json!({"name": name, "description": "Return the arguments.", "input_schema": schema, "output_schema": schema});
    let arguments = json!({ "n": number, "text": "a" });
    (tool, Case::returning(&name, arguments.clone(), arguments))
}
