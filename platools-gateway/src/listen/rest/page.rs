//! Long lists, a page at a time.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{Problem, invalid};

/// So many things are on a page unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// So many things may be on a page.
const MAX_LIMIT: usize = 1000;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// How many at most, from 1 to 1000. Default: 100.
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// One page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    items: Vec<T>,
    /// Asks for the next page; none on the last one.
    next_cursor: Option<String>,
}

impl Window {
    pub(super) fn new(limit: Option<usize>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// How many things, and after which.
    pub(super) fn checked(self) -> Result<(usize, Option<String>), Problem> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok((limit, self.cursor)),
            _ => Err(invalid("`limit` must be from 1 to 1000")),
        }
    }
}

impl<T> Page<T> {
    /// A page that was read as such, with the place where it ends if there is more.
    pub(super) fn read(items: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { items, next_cursor }
    }

    /// A page of things that each have a name of their own, in the order they are in.
    pub(super) fn of(items: Vec<T>, window: Window, name: impl Fn(&T) -> &str) -> Result<Self, Problem> {
        let (limit, cursor) = window.checked()?;
        let start = match &cursor {
            // What the cursor names may be gone by now, and then nobody knows where the page begins.
            Some(cursor) => 1 + items.iter().position(|item| name(item) == cursor).ok_or_else(gone)?,
            None => 0,
        };
        let more = items.len() > start + limit;
        let items: Vec<T> = items.into_iter().skip(start).take(limit).collect();
        let next_cursor = if more { items.last().map(|last| name(last).to_owned()) } else { None };
        Ok(Self { items, next_cursor })
    }
}

fn gone() -> Problem {
    invalid("the list changed, and `cursor` leads nowhere; begin again without it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: usize, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
        let items = ["a", "b", "c"].map(str::to_owned).to_vec();
        let window = Window { limit: Some(limit), cursor: cursor.map(str::to_owned) };
        let page = Page::of(items, window, |item: &String| item).map_err(|_| "refused").unwrap();
        (page.items, page.next_cursor)
    }

    #[test]
    fn pages_follow_one_another_without_gaps() {
        let (first, next) = page(2, None);
        assert_eq!(first, ["a", "b"]);
        let (second, next) = page(2, next.as_deref());
        assert_eq!((second, next), (vec!["c".to_owned()], None));
        assert_eq!(page(3, None).1, None, "nothing is left");
    }
}
