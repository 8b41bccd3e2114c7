use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(#[arg] #[inject] a: u8, #[inject(x)] b: &u8) {
    drop((a, b));
}

fn main() {
    let _ = tools![bad];
}
