use platools::{tool, tools};

struct Refused;

/// Do it.
#[tool]
fn bad() -> Result<(), Refused> {
    Err(Refused)
}

fn main() {
    let _ = tools![bad];
}
