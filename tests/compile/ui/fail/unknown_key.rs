use platools::{tool, tools};

/// Do it.
#[tool(tiemout = "20s", nonsense, readonly)]
fn bad(#[arg(defualt = 1)] n: u8, #[arg(colour = "red")] m: u8) -> u8 {
    n + m
}

fn main() {
    let _ = tools![bad];
}
