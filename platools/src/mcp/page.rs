//! [`ToolPage`]: the tools of one answer to `tools/list`, bounded in number and in bytes.

use std::io;

use rmcp::model::Tool;
use serde::Serialize;

/// The number of tools in one answer to `tools/list`: as many as an entity may have. Not every client asks for a second page, so there is
/// hardly ever one.
pub const TOOLS_PER_PAGE: usize = 1000;

/// The bytes of the tools in one answer to `tools/list`, as JSON: 4 MiB. A tool that is larger has a page of its own.
pub const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A page that is being filled.
#[derive(Debug, Default)]
pub struct ToolPage {
    tools: Vec<Tool>,
    bytes: usize,
}

impl ToolPage {
    /// Adds a tool if the page has room for it. `false` if it does not, and the next page begins with the tool.
    pub fn add(&mut self, tool: Tool) -> bool {
        let bytes = self.bytes.saturating_add(json_bytes(&tool));
        let is_full = self.tools.len() == TOOLS_PER_PAGE || bytes > MAX_PAGE_BYTES;
        if is_full && !self.tools.is_empty() {
            return false;
        }
        self.bytes = bytes;
        self.tools.push(tool);
        true
    }

    /// The tools, in their order.
    #[must_use]
    pub fn into_tools(self) -> Vec<Tool> {
        self.tools
    }
}

/// The bytes of a value as JSON, counted without writing it down.
pub fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // A tool that cannot be written as JSON cannot be sent either, and counts as far as it goes.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn tool(description_bytes: usize) -> Tool {
        Tool::new("t", "x".repeat(description_bytes), Map::new())
    }

    fn filled(tool: &Tool) -> usize {
        let mut page = ToolPage::default();
        while page.add(tool.clone()) {}
        page.into_tools().len()
    }

    #[test]
    fn a_page_is_bounded_in_number_and_in_bytes_and_never_empty() {
        assert_eq!(json_bytes(&tool(5)), serde_json::to_vec(&tool(5)).expect("JSON").len());
        assert_eq!(filled(&tool(1)), TOOLS_PER_PAGE);
        assert_eq!(filled(&tool(MAX_PAGE_BYTES / 4)), 3);
        assert_eq!(filled(&tool(MAX_PAGE_BYTES + 1)), 1);
    }
}
