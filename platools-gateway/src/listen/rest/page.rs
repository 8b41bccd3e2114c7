//! Which page of a long list.

use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Problem;
use crate::listen::forms::Page;

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

impl Window {
    /// That page of things that each have a name of their own.
    pub(super) fn page<T>(self, items: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Page<T>, Problem> {
        Ok(Page::of(items, self.limit, self.cursor.as_deref(), name)?)
    }
}
