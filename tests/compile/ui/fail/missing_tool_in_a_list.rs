use platools::{tool, tools};

/// Do it.
#[tool]
fn good() {}

fn main() {
    let _ = tools![good, gone];
}
