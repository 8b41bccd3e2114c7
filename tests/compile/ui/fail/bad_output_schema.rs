use platools::schemars::{Schema, SchemaGenerator, json_schema};
use platools::{tool, tools};

fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

fn number() -> u8 {
    1
}

/// Declare both.
#[tool(no_output_schema, output_schema_with = schema)]
async fn both() {}

/// Name no function.
#[tool(output_schema_with = "schema")]
async fn text() {}

/// Name a function that describes nothing.
#[tool(output_schema_with = number)]
async fn other() {}

fn main() {
    let _ = tools![both, text, other];
}
