use platools::tool;

struct Orders;

impl Orders {
    /// Count orders.
    #[tool]
    fn count(&self) -> u8 {
        1
    }
}

fn main() {
    let _ = Orders.count();
}
