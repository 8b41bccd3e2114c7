use platools::{tool, tools};

/// Do it.
#[tool(timeout = "20")]
fn bad() {}

/// Do it.
#[tool(timeout = 20)]
fn worse() {}

/// Do it.
#[tool(timeout = "0s")]
fn worst() {}

fn main() {
    let _ = tools![bad, worse, worst];
}
