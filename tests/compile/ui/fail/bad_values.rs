use platools::{tool, tools};

/// Do it.
#[tool(auth = "users", roles = "admin", strict = 1, name = 5, annotations(a = [1]), crate = 7)]
fn bad() {}

fn main() {
    let _ = tools![bad];
}
