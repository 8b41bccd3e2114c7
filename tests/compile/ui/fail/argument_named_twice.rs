use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(a: u8, #[arg(name = "a")] b: u8) -> u8 {
    a + b
}

fn main() {
    let _ = tools![bad];
}
