//! [`ToolPage`]: collects the tools of one page of the answer to `tools/list`, up to a number of tools and of bytes.

use std::io;

use rmcp::model::{ErrorData, ListToolsResult, Tool};
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
    /// The key of the last tool.
    last: Option<String>,
    is_full: bool,
}

impl ToolPage {
    /// Adds a tool if the page has room for it. `false` if it does not, and the next page begins with the tool. The key tells the tool from
    /// the others of the list.
    pub fn add(&mut self, key: &str, tool: Tool) -> bool {
        let bytes = self.bytes.saturating_add(json_bytes(&tool));
        let is_over = self.tools.len() == TOOLS_PER_PAGE || bytes > MAX_PAGE_BYTES;
        self.is_full = is_over && !self.tools.is_empty();
        if !self.is_full {
            self.bytes = bytes;
            self.tools.push(tool);
            self.last = Some(key.to_owned());
        }
        !self.is_full
    }

    /// The answer to `tools/list`, with a cursor if a tool had no room.
    #[must_use]
    pub fn into_result(self) -> ListToolsResult {
        let next = self.last.filter(|_| self.is_full).map(hex::encode);
        let mut listed = ListToolsResult::with_all_items(self.tools);
        listed.next_cursor = next;
        listed
    }
}

/// The tools of the next page and of those after it: all without a cursor, else those behind the tool that the cursor names.
///
/// # Errors
/// The error of a cursor that is malformed, or whose tool is gone, so that the beginning of the page is unknown.
pub fn after_cursor<'t, T>(
    tools: &'t [T],
    cursor: Option<&str>,
    key: impl Fn(&T) -> &str,
) -> Result<&'t [T], ErrorData> {
    let Some(cursor) = cursor else { return Ok(tools) };
    let named = hex::decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let place = named.and_then(|named| tools.iter().position(|tool| key(tool) == named));
    let unknown = || ErrorData::invalid_params("unknown `cursor`; list from the beginning", None);
    Ok(&tools[place.ok_or_else(unknown)? + 1..])
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
        while page.add("t", tool.clone()) {}
        page.into_result().tools.len()
    }

    #[test]
    fn a_page_is_bounded_in_number_and_in_bytes_and_never_empty() {
        assert_eq!(json_bytes(&tool(5)), serde_json::to_vec(&tool(5)).expect("JSON").len());
        assert_eq!(filled(&tool(1)), TOOLS_PER_PAGE);
        assert_eq!(filled(&tool(MAX_PAGE_BYTES / 4)), 3);
        assert_eq!(filled(&tool(MAX_PAGE_BYTES + 1)), 1);
    }

    #[test]
    fn every_tool_is_on_exactly_one_page_and_only_a_cursor_leads_to_the_next() {
        let names: Vec<_> = (0..=2 * TOOLS_PER_PAGE).map(|number| format!("tool_{number}")).collect();
        let page = |names: &[String], cursor: Option<&str>| {
            let mut page = ToolPage::default();
            for name in after_cursor(names, cursor, |name| name)? {
                if !page.add(name, Tool::new(name.clone(), "Do it.", Map::new())) {
                    break;
                }
            }
            Ok::<_, ErrorData>(page.into_result())
        };
        let (mut listed, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let next = page(&names, cursor.as_deref()).expect("a page");
            listed.extend(next.tools.into_iter().map(|tool| tool.name.into_owned()));
            pages += 1;
            cursor = next.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((&listed, pages), (&names, 3));
        assert_eq!(page(&names[..TOOLS_PER_PAGE], None).expect("a page").next_cursor, None, "it is the last");
        for cursor in ["", "x", "ff", "tool_0", &hex::encode("gone")] {
            assert!(page(&names, Some(cursor)).is_err(), "{cursor}");
        }
    }
}
