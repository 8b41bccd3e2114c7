//! [`PageQuery`]: the query parameters `limit` and `cursor`, with which a client asks for a page of a list.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::listen::http::ErrorView;
use crate::listen::params::{ListPosition, Page, count, limit_of};

/// Pagination parameters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// The largest number of items, from 1 to 1000. Default: 100.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// The number of items, of a list from the latest to the oldest, and the position after which they begin.
    pub(super) fn place(self) -> Result<(usize, Option<ListPosition>), ErrorView> {
        let place = self.cursor.as_deref().map(ListPosition::read).transpose()?;
        Ok((limit_of(self.limit)?, place))
    }

    /// That page of things that each have a name of their own.
    pub(super) fn page<T>(self, items: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Page<T>, ErrorView> {
        Ok(Page::of(items, self.limit, self.cursor.as_deref(), name)?)
    }
}
