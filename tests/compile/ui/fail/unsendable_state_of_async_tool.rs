use std::cell::Cell;

use platools::{tool, tools};

async fn wait() {}

/// Do it.
#[tool]
async fn bad(count: &Cell<u8>) -> u8 {
    wait().await;
    count.get()
}

fn main() {
    let _ = tools![bad];
}
