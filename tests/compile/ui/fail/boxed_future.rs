use std::pin::Pin;

use platools::{tool, tools};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Give a boxed future.
#[tool]
fn boxed() -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async { 1 })
}

/// Give a future under another name.
#[tool]
fn named() -> BoxFuture<Result<u8, String>> {
    Box::pin(async { Ok(1) })
}

/// Give a future later.
#[tool(no_output_schema)]
async fn later() -> BoxFuture<u8> {
    Box::pin(async { 1 })
}

fn main() {
    let _ = tools![boxed, named, later];
}
