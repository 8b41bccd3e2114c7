use platools::{tool, tools};

/// Take a pair apart.
#[tool]
fn bad((a, b): (u8, u8)) -> u8 {
    a + b
}

fn main() {
    let _ = tools![bad];
}
