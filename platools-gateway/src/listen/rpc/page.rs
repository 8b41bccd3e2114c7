//! Long lists, a page at a time.

use platools::wire::rpc::RpcError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::invalid;

/// So many things are on a page unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// So many things may be on a page.
const MAX_LIMIT: usize = 1000;

/// Which page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Window {
    limit: Option<usize>,
    cursor: Option<String>,
}

impl Window {
    pub(super) fn new(limit: Option<usize>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// How many things, and after which.
    pub(super) fn checked(self) -> Result<(usize, Option<String>), RpcError> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok((limit, self.cursor)),
            _ => Err(invalid("`limit` must be from 1 to 1000")),
        }
    }
}

/// A page of things that each have a name of their own, in the order they are in.
pub(super) fn page<T>(
    things: &[T],
    window: Window,
    name: impl Fn(&T) -> &str,
    shown: impl Fn(&T) -> Value,
) -> Result<Value, RpcError> {
    let (limit, cursor) = window.checked()?;
    let gone = || invalid("the list changed, and `cursor` leads nowhere; begin again without it");
    let start = match &cursor {
        // What the cursor names may be gone by now, and then nobody knows where the page begins.
        Some(cursor) => 1 + things.iter().position(|thing| name(thing) == cursor).ok_or_else(gone)?,
        None => 0,
    };
    let end = things.len().min(start.saturating_add(limit));
    let more = end < things.len();
    let items: Vec<_> = things[start..end].iter().map(shown).collect();
    let next_cursor = things[..end].last().filter(|_| more).map(name);
    Ok(json!({"items": items, "nextCursor": next_cursor}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(limit: usize, cursor: Option<&str>) -> Value {
        let window = Window { limit: Some(limit), cursor: cursor.map(str::to_owned) };
        page(&["a", "b", "c"], window, |thing| thing, |thing| json!(thing)).unwrap()
    }

    #[test]
    fn pages_follow_one_another_without_gaps() {
        assert_eq!(shown(2, None), json!({"items": ["a", "b"], "nextCursor": "b"}));
        assert_eq!(shown(2, Some("b")), json!({"items": ["c"], "nextCursor": null}));
        assert_eq!(shown(3, None), json!({"items": ["a", "b", "c"], "nextCursor": null}));
    }

    #[test]
    fn a_cursor_that_leads_nowhere_and_a_senseless_limit_are_refused() {
        for (limit, cursor) in [(2, Some("x")), (0, None), (1001, None)] {
            let window = Window { limit: Some(limit), cursor: cursor.map(str::to_owned) };
            assert!(page(&["a"], window, |thing| thing, |thing| json!(thing)).is_err());
        }
    }
}
