use platools::attr::tools;

struct Orders;

#[tools]
impl Orders {
    fn count() -> u8 {
        1
    }
}

fn main() {
    let _ = (Orders, Orders::count());
}
