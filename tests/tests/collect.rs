//! Tools found by the linker, in a crate that forbids unsafe code.

#![cfg(feature = "collect")]
#![forbid(unsafe_code)]

use platools::{ToolRegistry, tool};

mod orders {
    /// Find.
    #[platools::tool]
    pub(super) fn find(n: u8) -> u8 {
        n
    }
}

/// Cancel.
#[tool]
async fn cancel() {}

/// Is not there.
#[tool]
#[cfg(any())]
fn absent() {}

#[tokio::test]
async fn every_function_with_the_attribute_is_collected() {
    let registry = ToolRegistry::collect().expect("they need no state");
    assert_eq!(registry.names(), ["cancel", "find"]);
    assert_eq!(registry.call("find", serde_json::json!({"n": 3})).await.expect("it fits"), 3);
    assert_eq!(orders::find(1), 1);
    cancel().await;
}
