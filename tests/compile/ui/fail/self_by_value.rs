use platools::attr::tools;

struct Orders;

#[tools]
impl Orders {
    /// Finish.
    #[tool]
    fn finish(self) {}

    /// Change.
    #[tool]
    fn change(&mut self) {}
}

fn main() {
    let _ = platools::ToolRegistry::new().with_tools(Orders);
}
