use platools::{tool, tools};

/// Do it.
#[tool(max_concurrency = 0)]
fn bad() {}

/// Do it.
#[tool(max_concurrency = "4")]
fn worse() {}

fn main() {
    let _ = tools![bad, worse];
}
