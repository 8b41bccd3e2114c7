use platools::{tool, tools};

/// Take texts.
#[tool]
fn bad(texts: Vec<&str>, pair: (&[u8], u8), other: &'static str) -> usize {
    texts.len() + pair.0.len() + other.len()
}

fn main() {
    let _ = tools![bad];
}
