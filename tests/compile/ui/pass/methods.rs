use std::sync::Arc;

use platools::attr::tools;
use platools::tool::ToolSet;

struct Orders<T> {
    held: T,
}

#[tools]
impl Orders<u8> {
    const MOST: u8 = 3;

    /// Take something of the impl block's own.
    #[tool]
    async fn take(&self, #[arg(default = Self::MOST, range(..=Self::MOST))] n: u8, other: Option<Same>) -> u8 {
        let _ = other;
        self.held + n
    }

    /// Stand alone.
    #[tool]
    fn alone(text: &str) -> usize {
        text.len()
    }

    fn untouched(&self) -> u8 {
        self.held
    }
}

type Same = u8;

fn main() {
    let orders = Arc::new(Orders { held: 1_u8 });
    assert_eq!(orders.untouched(), 1);
    let names: Vec<String> = orders.tools().iter().map(|tool| tool.definition().name).collect();
    assert_eq!(names, ["take", "alone"]);
}
