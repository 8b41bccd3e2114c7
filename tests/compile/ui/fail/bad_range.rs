use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(
    #[arg(range(5..=1))] a: u8,
    #[arg(range(3))] b: u8,
    #[arg(length(..))] c: String,
    #[arg(range(1.0..1.0))] d: f64,
    #[arg(default = 200, range(1..=100))] e: u8,
) {
    drop((a, b, c, d, e));
}

fn main() {
    let _ = tools![bad];
}
