use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(#[arg(default = "one")] a: u8, #[arg(default = 1)] b: String) {
    drop((a, b));
}

fn main() {
    let _ = tools![bad];
}
