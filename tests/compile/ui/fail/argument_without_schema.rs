use platools::{tool, tools};

#[derive(serde::Deserialize)]
struct Filter {
    tag: String,
}

/// Do it.
#[tool]
fn bad(filter: Filter, count: u8) -> String {
    format!("{count}{}", filter.tag)
}

fn main() {
    let _ = tools![bad];
}
