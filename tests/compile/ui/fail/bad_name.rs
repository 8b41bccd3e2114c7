use platools::{tool, tools};

/// Do it.
#[tool(name = "do it")]
fn bad() {}

/// Do it too.
#[tool]
fn größe() {}

fn main() {
    let _ = tools![bad, größe];
}
