use std::collections::HashSet;

use platools::{tool, tools};

/// Do it.
#[tool]
fn bad(#[arg(length(..=2))] tags: HashSet<String>) {
    drop(tags);
}

fn main() {
    let _ = tools![bad];
}
