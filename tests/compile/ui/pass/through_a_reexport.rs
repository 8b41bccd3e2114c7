mod facade {
    pub use ::platools as sdk;
}

use facade::sdk::attr::tools;
use facade::sdk::tool;

/// Renamed.
#[tool(crate = facade::sdk, timeout = "1s")]
fn renamed(n: u8) -> Result<u8, String> {
    Ok(n)
}

struct Orders;

#[tools(crate = facade::sdk)]
impl Orders {
    /// Renamed.
    #[tool]
    fn method(&self) {}
}

fn main() {
    assert_eq!(facade::sdk::tools![renamed].len(), 1);
    assert_eq!(facade::sdk::tool::IntoTools::into_tools(Orders).len(), 1);
}
