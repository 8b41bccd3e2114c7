//! Tools found by the linker.

use super::handler::Tool;

/// One `#[tool]` function of the binary, waiting to be collected.
#[derive(Debug)]
pub struct Collected(pub fn() -> Box<dyn Tool>);

inventory::collect!(Collected);
