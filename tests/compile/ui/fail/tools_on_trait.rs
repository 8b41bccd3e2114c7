use platools::attr::tools;

trait Count {
    fn count(&self) -> u8;
}

struct Orders;

#[tools]
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
