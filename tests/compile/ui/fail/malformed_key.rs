use platools::{tool, tools};

/// Do it.
#[tool(name "x")]
fn bad() {}

fn main() {
    let _ = tools![bad];
}
