use platools::tool;

trait Count {
    fn count(&self) -> u8;
}

struct Orders;

#[tool]
impl Count for Orders {
    /// Count.
    #[tool]
    fn count(&self) -> u8 {
        1
    }
}

fn main() {
    let _ = Orders.count();
}
