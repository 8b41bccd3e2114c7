use platools::{tool, tools};

const NUMBER: u32 = 5;
const BAD_NAME: &str = "not a name";

/// Do it.
#[tool(category = NUMBER)]
fn category() {}

#[tool(description = NUMBER)]
fn description() {}

/// Do it.
#[tool(timeout = NUMBER)]
fn timeout() {}

/// Do it.
#[tool(strict = NUMBER)]
fn strict() {}

/// Do it.
#[tool(name = BAD_NAME)]
fn name() {}

/// Do it.
#[tool(auth = user)]
fn auth() {}

fn main() {
    let _ = tools![category, description, timeout, strict, name, auth];
}
