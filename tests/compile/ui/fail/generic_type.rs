use platools::{tool, tools};

/// Take anything.
#[tool]
fn bad<T: Clone>(value: T) -> T {
    value
}

fn main() {
    let _ = tools![bad];
}
