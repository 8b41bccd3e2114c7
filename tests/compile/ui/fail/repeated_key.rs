use platools::{tool, tools};

/// Do it.
#[tool(strict, strict, rate = "1/s", rate_limit = "2/s")]
fn bad(#[arg(default = 1, default = 2)] n: u8) -> u8 {
    n
}

fn main() {
    let _ = tools![bad];
}
