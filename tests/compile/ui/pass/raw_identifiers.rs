use platools::{Tool, tool};

/// Keywords.
#[tool]
fn r#match(r#type: String, r#ref: &u8) -> String {
    format!("{type}{ref}")
}

fn main() {
    let definition = r#match {}.definition();
    assert_eq!(definition.name, "match");
    assert_eq!(definition.input_schema["required"][0], "type");
}
