#![deny(warnings)]

use platools::{tool, tools};

/// Old.
#[tool]
#[deprecated(note = "use another")]
fn old(n: u8) -> u8 {
    n
}

struct Orders;

#[tool]
impl Orders {
    /// Old.
    #[tool]
    #[deprecated]
    fn old(&self) {}
}

fn main() {
    #[expect(deprecated, reason = "whoever lists the tool is told")]
    let tools = tools![old];
    assert_eq!(tools.len(), 1);
    assert_eq!(platools::tool::IntoTools::into_tools(Orders).len(), 1);
}
