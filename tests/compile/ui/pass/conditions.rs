use platools::{tool, tools};

#[cfg(any())]
/// Is not there.
#[tool]
fn before(missing: Missing) {}

/// Is not there.
#[tool]
#[cfg(any())]
fn after(missing: Missing) {}

/// One of two.
#[tool]
#[cfg(any())]
fn either() -> u8 {
    1
}

/// The other of two.
#[tool]
#[cfg(not(any()))]
fn either() -> u8 {
    2
}

struct Orders;

#[platools::attr::tools]
impl Orders {
    /// Is not there.
    #[cfg(any())]
    #[tool]
    fn count(&self) -> Missing {}

    /// Is.
    #[tool]
    #[cfg(not(any()))]
    fn count(&self) -> u8 {
        1
    }
}

fn main() {
    let tools = tools![
        #[cfg(any())]
        before,
        #[cfg(any())]
        after,
        either,
    ];
    assert_eq!(tools.len(), 1);
    assert_eq!(platools::tool::IntoTools::into_tools(Orders).len(), 1);
}
