use platools::{tool, tools};

#[derive(serde::Serialize)]
struct Order {
    id: String,
}

/// Do it.
#[tool]
async fn bad() -> Result<Order, String> {
    Ok(Order { id: String::new() })
}

fn main() {
    let _ = tools![bad];
}
