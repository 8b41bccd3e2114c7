use platools::{Tool, ToolDefinition, ToolError, ToolRegistry, tool, tools};
use serde_json::{Value, json};

/// Beside those made at run time.
#[tool]
fn other() {}

#[derive(serde::Deserialize)]
struct Sum {
    a: i64,
    b: i64,
}

fn declared(name: &str) -> ToolDefinition {
    ToolDefinition::new(name, "Do it.", json!({ "type": "object" }))
}

fn main() -> Result<(), platools::Error> {
    let echo = declared("echo").handler(|arguments: Value, _| async { Ok::<_, ToolError>(arguments) });
    let sum = declared("sum").handler(|Sum { a, b }, _| async move { a.checked_add(b).ok_or("the sum is too large") });
    let greet = declared("greet").handler(|_: Value, context| async move {
        let user = context.user_id().ok_or("this tool needs a user")?;
        let file = std::fs::read_to_string("greeting")?;
        Ok::<_, ToolError>(format!("{file}, {user}"))
    });
    let mut listed: Vec<Box<dyn Tool>> = tools![other];
    listed.push(Box::new(echo.clone()));
    let registry = ToolRegistry::new().with_tools(listed)?.with_tools(vec![sum, greet])?;
    assert_eq!(registry.names(), ["other", "echo", "sum", "greet"]);
    Ok(())
}
