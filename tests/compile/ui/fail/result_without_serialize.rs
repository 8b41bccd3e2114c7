use platools::{tool, tools};

#[derive(schemars::JsonSchema)]
struct Order {
    id: String,
}

/// Do it.
#[tool]
fn bad() -> Order {
    Order { id: String::new() }
}

fn main() {
    let _ = tools![bad];
}
