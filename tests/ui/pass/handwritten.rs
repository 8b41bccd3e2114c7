use std::sync::Arc;

use platools::tool::{BindError, Handler, HandlerFuture, Output, State};
use platools::{Context, Tool, ToolDefinition, tool, tools};

struct Echo;

impl Tool for Echo {
    fn definition(&self) -> ToolDefinition {
        ToolDefinition::new("echo", "Return the params as they came.", serde_json::json!({ "type": "object" }))
    }
    fn bind(&self, _state: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::new(Echo))
    }
}

impl Handler for Echo {
    fn call(self: Arc<Self>, context: Context, output: Output) -> HandlerFuture {
        Box::pin(async move { output.write(&context.params().deserialize::<serde_json::Value>()?) })
    }
}

/// Beside it.
#[tool]
fn other() {}

fn main() {
    assert_eq!(tools![Echo, other].len(), 2);
}
