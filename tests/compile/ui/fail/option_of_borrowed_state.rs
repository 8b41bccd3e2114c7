use platools::{tool, tools};

struct Db;

/// Maybe use a database.
#[tool]
fn bad(_db: Option<&Db>) {}

fn main() {
    let _ = tools![bad];
}
