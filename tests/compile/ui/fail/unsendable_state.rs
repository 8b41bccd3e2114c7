use platools::{tool, tools};

use std::cell::Cell;

/// Do it.
#[tool]
fn bad(count: &Cell<u8>) -> u8 {
    count.get()
}

fn main() {
    let _ = tools![bad];
}
