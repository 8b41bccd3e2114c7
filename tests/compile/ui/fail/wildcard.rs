use platools::{tool, tools};

/// Ignore a number.
#[tool]
fn bad(_: u8) {}

fn main() {
    let _ = tools![bad];
}
