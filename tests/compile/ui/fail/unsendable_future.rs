use platools::{tool, tools};

use std::rc::Rc;

async fn wait() {}

/// Do it.
#[tool]
async fn bad() -> usize {
    let shared = Rc::new(1);
    wait().await;
    *shared
}

fn main() {
    let _ = tools![bad];
}
