use platools::tool;

struct Orders;

#[tool]
impl Orders {
    fn count() -> u8 {
        1
    }
}

fn main() {
    let _ = (Orders, Orders::count());
}
