//! [`Page`]: one page of a list, with the cursor of the next page.

use serde::Serialize;
use utoipa::ToSchema;

use super::Misfit;

/// The number of items of a page, unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// The largest number of items of a page.
const MAX_LIMIT: usize = 1000;

/// A page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::listen) struct Page<T> {
    items: Vec<T>,
    /// Asks for the next page; none on the last one. A page may have fewer items than were asked for, and a next one.
    next_cursor: Option<String>,
}

/// The number of items of a page for a requested limit.
pub(in crate::listen) fn limit_of(asked: Option<usize>) -> Result<usize, Misfit> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Misfit("`limit` must be from 1 to 1000")),
    }
}

impl<T> Page<T> {
    /// A page of things that each have a name of their own, in the order they are in. The cursor is the name of the last one
    /// of the page before.
    pub(in crate::listen) fn of(
        items: Vec<T>,
        limit: Option<usize>,
        cursor: Option<&str>,
        name: impl Fn(&T) -> &str,
    ) -> Result<Self, Misfit> {
        let limit = limit_of(limit)?;
        let start = match cursor {
            // What the cursor names may be gone by now, and then nobody knows where the page begins.
            Some(cursor) => 1 + items.iter().position(|item| name(item) == cursor).ok_or(GONE)?,
            None => 0,
        };
        let items = items.into_iter().skip(start).collect();
        Ok(Self::cut(items, limit, |item| name(item).to_owned()))
    }

    /// A page of things of which more were read than fit, if there are more.
    pub(in crate::listen) fn cut(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(cursor);
        Self { items, next_cursor }
    }

    /// Sets the cursor of the next page, unless the page has one.
    pub(in crate::listen) fn or_more(mut self, cursor: Option<String>) -> Self {
        self.next_cursor = self.next_cursor.or(cursor);
        self
    }

    /// Converts the items of the page.
    pub(in crate::listen) fn map<U>(self, form: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(form).collect(), next_cursor: self.next_cursor }
    }
}

const GONE: Misfit = Misfit("the list changed, and `cursor` leads nowhere; begin again without it");

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: usize, cursor: Option<&str>) -> Result<(Vec<&'static str>, Option<String>), Misfit> {
        let page = Page::of(vec!["a", "b", "c"], Some(limit), cursor, |item| item)?;
        Ok((page.items, page.next_cursor))
    }

    #[test]
    fn pages_follow_one_another_without_gaps() {
        assert_eq!(page(2, None), Ok((vec!["a", "b"], Some("b".to_owned()))));
        assert_eq!(page(2, Some("b")), Ok((vec!["c"], None)));
        assert_eq!(page(3, None), Ok((vec!["a", "b", "c"], None)));
        assert_eq!(page(3, Some("c")), Ok((vec![], None)), "nothing is left");
    }

    #[test]
    fn a_cursor_that_leads_nowhere_and_a_senseless_limit_are_refused() {
        assert_eq!(page(2, Some("x")), Err(GONE));
        assert!(page(0, None).is_err() && page(1001, None).is_err());
    }
}
