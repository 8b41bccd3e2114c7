use platools::{tool, tools};

/// Give what displays.
#[tool]
fn bad() -> impl std::fmt::Display {
    1
}

fn main() {
    let _ = tools![bad];
}
