use platools::{tool, tools};

/// Take a list.
#[tool]
fn bad<const N: usize>(list: [u8; N]) -> usize {
    list.len()
}

fn main() {
    let _ = tools![bad];
}
