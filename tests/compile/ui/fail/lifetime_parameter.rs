use platools::{tool, tools};

/// Take a text.
#[tool]
fn bad<'a>(text: String, other: &'a str) -> usize {
    text.len() + other.len()
}

fn main() {
    let _ = tools![bad];
}
