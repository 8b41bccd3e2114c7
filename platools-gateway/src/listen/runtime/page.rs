//! [`OffsetQuery`]: the query parameters `limit` and `offset`, with which an agent asks for a page of a list.

use platools_protocol::runtime::{DEFAULT_PAGE, MAX_PAGE};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::listen::params::count;

/// Pagination parameters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OffsetQuery {
    /// The largest number of entries. Default: 50; more than 100 are as good as 100, and 0 asks for the numbers only.
    #[serde(default, deserialize_with = "count")]
    limit: Option<usize>,
    /// The number of items to skip. Default: 0.
    #[serde(default, deserialize_with = "count")]
    offset: Option<usize>,
}

impl OffsetQuery {
    pub(super) fn limit(&self) -> usize {
        limit(self.limit)
    }

    /// The same where all are wanted that fit, unless the request says otherwise.
    pub(super) fn limit_or(&self, most: usize) -> usize {
        self.limit.unwrap_or(most).min(most)
    }

    pub(super) fn offset(&self) -> usize {
        self.offset.unwrap_or_default()
    }
}

/// The number of items for a requested limit.
pub(super) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE)
}
