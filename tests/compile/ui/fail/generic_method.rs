use platools::attr::tools;

struct Orders;

#[tools]
impl Orders {
    /// Count.
    #[tool]
    fn count<T: Clone>(&self, value: T) -> u8 {
        let _ = value;
        1
    }
}

fn main() {}
