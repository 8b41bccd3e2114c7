//! Pagination parameters.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::listen::dto::{Page, Place, count, limit_of};
use crate::listen::http::problem::Problem;

/// Pagination parameters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// The largest number of items, from 1 to 1000. Default: 100.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl Window {
    /// The number of items, of a list from the latest to the oldest, and the position after which they begin.
    pub(super) fn place(self) -> Result<(usize, Option<Place>), Problem> {
        let place = self.cursor.as_deref().map(Place::read).transpose()?;
        Ok((limit_of(self.limit)?, place))
    }

    /// That page of things that each have a name of their own.
    pub(super) fn page<T>(self, items: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Page<T>, Problem> {
        Ok(Page::of(items, self.limit, self.cursor.as_deref(), name)?)
    }
}
