use platools::attr::tools;

struct Orders<'a>(&'a str);

#[tools]
impl<'a> Orders<'a> {
    /// Count.
    #[tool]
    fn count(&self) -> usize {
        self.0.len()
    }
}

struct Others<'a>(&'a str);

#[tools]
impl Others<'_> {
    /// Count.
    #[tool]
    fn count(&self) -> usize {
        self.0.len()
    }
}

fn main() {
    let _ = platools::ToolRegistry::new().with_tools(Orders("static"));
}
