use platools::{Context, tool, tools};

/// Look up one order.
///
/// # Arguments
/// * `oder_id` - The order.
/// * `quantity` - How many:
///   - few, or
///   - many.
/// * `ctx` - Who calls.
/// * `elsewhere` - Whatever.
#[tool]
fn bad(order_id: String, quantity: u32, ctx: &Context) {
    drop((order_id, quantity, ctx));
}

fn main() {
    let _ = tools![bad];
}
