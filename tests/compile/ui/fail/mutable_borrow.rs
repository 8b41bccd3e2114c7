use platools::{tool, tools};

/// Change the state.
#[tool]
fn bad(count: &mut u32) {
    *count += 1;
}

fn main() {
    let _ = tools![bad];
}
