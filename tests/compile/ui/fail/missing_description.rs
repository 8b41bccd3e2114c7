use platools::{tool, tools};

#[tool]
fn bad() {}

fn main() {
    let _ = tools![bad];
}
