use std::borrow::Cow;
use std::collections::BTreeMap;

use platools::{ToolError, tool, tools};

type Outcome<T, E = ToolError> = Result<T, E>;

/// Nothing.
#[tool]
fn nothing() {}

/// A plain value.
#[tool]
async fn plain() -> BTreeMap<String, u8> {
    BTreeMap::new()
}

/// A value of any shape.
#[tool]
fn any() -> serde_json::Value {
    serde_json::Value::Null
}

/// An alias of `Result`.
#[tool]
fn alias() -> Outcome<()> {
    Ok(())
}

/// An alias in a library.
#[tool]
fn io() -> std::io::Result<u8> {
    Ok(1)
}

/// What is borrowed.
#[tool]
fn borrowed(text: &String) -> &str {
    text
}

/// What may be borrowed.
#[tool]
async fn perhaps(text: &String) -> Result<Cow<'_, str>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Cow::Borrowed(text))
}

/// An option.
#[tool]
fn option() -> Option<u8> {
    None
}

fn main() {
    let schemas: Vec<bool> = tools![nothing, plain, any, alias, io, borrowed, perhaps, option]
        .iter()
        .map(|tool| tool.definition().output_schema.is_some())
        .collect();
    assert_eq!(schemas, [false, true, false, false, true, true, true, true]);
}
