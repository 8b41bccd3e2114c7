use platools::tool;

struct Orders;

#[tool]
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
