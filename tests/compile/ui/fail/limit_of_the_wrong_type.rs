use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(#[arg(range(1..))] a: String, #[arg(length(1..))] b: u8, #[arg(pattern("x"))] c: bool) {
    drop((a, b, c));
}

fn main() {
    let _ = tools![bad];
}
