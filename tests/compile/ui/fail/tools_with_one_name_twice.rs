use platools::tool;

struct Orders;

#[tool]
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
