use platools::{tool, tools};

#[derive(schemars::JsonSchema)]
struct Filter {
    tag: String,
}

/// Do it.
#[tool]
fn bad(count: u8, filter: Filter) -> String {
    format!("{count}{}", filter.tag)
}

fn main() {
    let _ = tools![bad];
}
