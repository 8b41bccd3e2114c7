use platools::{tool, tools};

mod orders {
    /// Do it.
    #[platools::tool]
    pub fn find() {}
}

/// Do it.
#[tool]
fn good() {}

fn main() {
    let _ = tools![good, orders::find, good, orders :: find];
}
