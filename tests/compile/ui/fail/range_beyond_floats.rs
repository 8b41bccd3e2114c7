use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(#[arg(range(..1e999))] n: f64) -> f64 {
    n
}

fn main() {
    let _ = tools![bad];
}
