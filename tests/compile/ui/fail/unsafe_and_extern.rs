use platools::{tool, tools};

/// Do it.
#[tool]
unsafe fn bad() {}

/// Do it.
#[tool]
extern "C" fn worse() {}

fn main() {
    let _ = tools![bad, worse];
}
