use platools::attr::tools;

struct Orders<T>(T);

#[tools]
impl<T: Send + Sync + 'static> Orders<T> {
    /// Count.
    #[tool]
    fn count(&self) -> u8 {
        1
    }
}

fn main() {
    let _ = platools::ToolRegistry::new().with_tools(Orders(1_u8));
}
