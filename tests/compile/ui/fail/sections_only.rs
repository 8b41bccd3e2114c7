use platools::{tool, tools};

/// # Errors
/// Never.
///
/// # Examples
/// None.
#[tool]
fn bad() {}

fn main() {
    let _ = tools![bad];
}
