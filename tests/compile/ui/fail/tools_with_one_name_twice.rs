use platools::attr::tools;

struct Orders;

#[tools]
impl Orders {
    /// Find one.
    #[tool]
    fn find(&self) {}

    /// Find another.
    #[tool(name = "find")]
    fn find_other(&self) {}
}

fn main() {
    let _ = platools::ToolRegistry::new().with_tools(Orders);
}
