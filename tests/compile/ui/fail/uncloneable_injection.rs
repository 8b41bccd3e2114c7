use platools::{tool, tools};

struct Db;

/// Do it.
#[tool]
fn bad(#[inject] _db: Db) {}

fn main() {
    let _ = tools![bad];
}
