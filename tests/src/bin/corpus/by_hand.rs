//! Tools that are made without the macro, with results that break their own schema or are long.

use platools::tool::{Content, ContentBlock};
use platools::{Tool, ToolDefinition, ToolError};
use serde_json::{Value, json};

use crate::case::{Case, Corpus};

/// Longer than a server passes on.
const LONG: usize = 5 * 1024 * 1024;

/// A tool with this output schema and this result.
fn returning(name: &str, output_schema: Value, result: Value) -> Box<dyn Tool> {
    let mut tool = ToolDefinition::new(name, "Return a value.", json!({ "type": "object" }));
    tool.output_schema = Some(output_schema);
    Box::new(tool.handler(move |_: Value, _| {
        let result = result.clone();
        async { Ok::<_, ToolError>(result) }
    }))
}

fn broken(name: &'static str, result: Value, part: &'static str) -> (Box<dyn Tool>, Case) {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    (returning(name, schema, result), Case { tool: name, arguments: json!({}), broken: Some(part), ..Case::default() })
}

fn long(name: &'static str, schema: Value, result: Value) -> (Box<dyn Tool>, Case) {
    (returning(name, schema, result), Case { tool: name, arguments: json!({}), long: true, ..Case::default() })
}

pub(crate) fn corpus() -> Corpus {
    let text = "x".repeat(LONG);
    let image = ContentBlock::image("image/png", vec![0; 3 * LONG / 4]);
    let (tools, cases) = [
        broken("break_type", json!({"n": "seven"}), "seven"),
        broken("break_required", json!({"m": 7}), "7"),
        broken("break_object", json!([7]), "[7]"),
        broken("break_text", json!("seven"), "seven"),
        broken("break_null", Value::Null, "null"),
        long("long_text", json!({"type": "string"}), json!(text)),
        long("long_list", json!({"type": "array"}), json!([text])),
        long(
            "long_object",
            json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}),
            json!({ "text": text }),
        ),
        long("long_image", Content::schema(), json!(Content::from(image))),
    ]
    .into_iter()
    .unzip();
    Corpus { tools, cases }
}
