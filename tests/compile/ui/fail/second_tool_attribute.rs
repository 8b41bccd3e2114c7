use platools::{tool, tools};

/// Do it.
#[tool]
#[tool(strict)]
fn bad() {}

fn main() {
    let _ = tools![bad];
}
