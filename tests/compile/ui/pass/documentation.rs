use platools::{Tool, tool};

/// First line.
///   Indented.
///
/// # Arguments
///
/// * `a` - Of the section,
///   over two lines.
/// * `b` - Overridden.
///
/// # Errors
/// Is left out.
///
/// # Notes
/// Stay.
#[tool]
fn documented(
    a: u8,
    /// Of the parameter.
    b: u8,
    /// Overridden too.
    #[arg(description = "Of the attribute.")]
    c: u8,
) -> u8 {
    a + b + c
}

/** A block. */
#[tool]
fn block() {}

fn main() {
    let definition = documented {}.definition();
    assert_eq!(definition.description, "First line.\n  Indented.\n\n# Notes\nStay.");
    let described = |name: &str| definition.input_schema["properties"][name]["description"].clone();
    assert_eq!(described("a"), "Of the section, over two lines.");
    assert_eq!(described("b"), "Of the parameter.");
    assert_eq!(described("c"), "Of the attribute.");
    assert_eq!(block {}.definition().description, "A block.");
}
