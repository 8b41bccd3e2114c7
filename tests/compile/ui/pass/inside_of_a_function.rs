use platools::{Tool, tool, tools};

fn main() {
    const MOST: u8 = 4;

    /// Local.
    #[tool]
    fn local(#[arg(range(..=MOST))] n: u8) -> u8 {
        n
    }

    assert_eq!(local {}.definition().input_schema["properties"]["n"]["maximum"], 4);
    assert_eq!(tools![local].len(), 1);
}
