use platools::{tool, tools};

struct Order {
    id: String,
}

/// Do it.
#[tool(no_output_schema)]
async fn bad() -> Result<Order, String> {
    Ok(Order { id: String::new() })
}

fn main() {
    let _ = tools![bad];
}
