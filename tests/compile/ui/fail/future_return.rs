use platools::{tool, tools};

/// Give a future.
#[tool]
fn bad() -> impl Future<Output = u8> {
    async { 1 }
}

fn main() {
    let _ = tools![bad];
}
