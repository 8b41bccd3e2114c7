use platools::{tool, tools};

mod orders {
    /// Do it.
    #[platools::tool]
    pub fn find() {}
}

/// Do it.
#[tool(name = "find")]
fn other() {}

fn main() {
    let _ = tools![orders::find, other];
}
