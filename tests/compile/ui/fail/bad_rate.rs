use platools::{tool, tools};

/// Do it.
#[tool(rate = "10/day")]
fn bad() {}

/// Do it.
#[tool(rate = "0/s")]
fn worse() {}

fn main() {
    let _ = tools![bad, worse];
}
