//! Tests of tools in a package of an older edition, in which the crate `platools` has another name.

use sdk::{ToolError, ToolRegistry, tool};

/// Add two numbers.
#[tool(crate = sdk, timeout = "1s", rate = "100/s", read_only)]
async fn add(a: i64, #[arg(default = 2, range(..=9))] b: i64, context: &sdk::Context) -> Result<i64, ToolError> {
    assert!(context.user_id().is_none());
    Ok(a + b)
}

struct Orders;

#[tool(crate = sdk)]
impl Orders {
    /// Count.
    #[tool]
    fn count(&self) -> u8 {
        1
    }
}

#[tokio::test]
async fn tools_work_under_a_renamed_dependency() {
    let registry = ToolRegistry::new().with_tools(sdk::tools![add]).expect("it needs no state");
    registry.insert(Orders).expect("another name");
    assert_eq!(registry.call("add", serde_json::json!({"a": 1})).await.expect("it fits"), 3);
    assert_eq!(registry.call("count", serde_json::json!({})).await.expect("it fits"), 1);
}
