use platools::{tool, tools};

trait Store: Send + Sync {}

/// Use a store.
#[tool]
fn bad(_store: &dyn Store) {}

fn main() {
    let _ = tools![bad];
}
