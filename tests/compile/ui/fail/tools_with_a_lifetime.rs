use platools::tool;

struct Orders<'a>(&'a str);

#[tool]
impl<'a> Orders<'a> {
    /// Count.
    #[tool]
    fn count(&self) -> usize {
        self.0.len()
    }
}

struct Others<'a>(&'a str);

#[tool]
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
