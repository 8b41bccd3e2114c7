//! Pagination parameters.

use platools_protocol::rpc::RpcError;
use serde::Deserialize;

use super::methods::unless_empty;
use crate::listen::dto::Page;

/// Pagination parameters.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PageParams {
    limit: Option<usize>,
    #[serde(default, deserialize_with = "unless_empty")]
    cursor: Option<String>,
}

impl PageParams {
    /// That page of things that each have a name of their own.
    pub(super) fn page<T>(self, items: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Page<T>, RpcError> {
        Ok(Page::of(items, self.limit, self.cursor.as_deref(), name)?)
    }
}
