use platools::attr::tools;

struct Orders;

#[tools(krate = platools)]
impl Orders {
    /// Find.
    #[tool(naem = "x")]
    fn find(&self, (a, b): (u8, u8)) -> u8 {
        a + b
    }

    #[tool(crate = platools)]
    fn undescribed(&self) {}

    /// Be a tool twice.
    #[tool]
    #[tool(strict)]
    fn twice(&self) {}

    fn plain(&self) -> u8 {
        self.find((1, 2))
    }
}

fn main() {
    let _ = Orders.plain();
    let _ = platools::ToolRegistry::new().with_tools(Orders);
}
