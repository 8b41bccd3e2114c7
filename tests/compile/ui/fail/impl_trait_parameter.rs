use platools::{tool, tools};

/// Take what displays.
#[tool]
fn bad(text: impl std::fmt::Display) -> String {
    text.to_string()
}

fn main() {
    let _ = tools![bad];
}
