use platools::{tool, tools};

/// Do it.
#[tool(category = "A", annotations(category = "B"))]
fn bad() {}

/// Do it.
#[tool(read_only, annotations(cost = 1, cost = 2))]
fn worse() {}

/// Do it.
#[tool(annotations(cost = 1e999))]
fn expensive() {}

fn main() {
    let _ = tools![bad, worse, expensive];
}
