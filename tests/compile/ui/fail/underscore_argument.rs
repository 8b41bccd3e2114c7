use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(_count: u8, #[arg(name = "_x")] x: u8) -> u8 {
    x
}

fn main() {
    let _ = tools![bad];
}
