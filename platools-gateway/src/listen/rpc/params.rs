//! [`Params`]: the parameters of an RPC request, which a method decodes. [`Reply`]: the payload or the error with which the method answers.

use platools_protocol::rpc::RpcError;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::errors::invalid;
use crate::domain::decode::decode;
use crate::listen::params::Page;

/// The params of a request, which outlive its frame.
pub(super) struct Params {
    method: &'static str,
    raw: Box<RawValue>,
}

impl Params {
    pub(super) fn new(method: &'static str, raw: &RawValue) -> Self {
        Self { method, raw: raw.to_owned() }
    }

    /// The params as a type. Members that it does not have are ignored.
    pub(super) fn decode<'a, P: Deserialize<'a>>(&'a self) -> Result<P, RpcError> {
        decode(self.raw.get()).map_err(|mistake| invalid(format!("`{}`: {mistake}", self.method)))
    }
}

/// The answer to a request: the payload of its response, or an error.
pub(super) type Reply = Result<Box<RawValue>, RpcError>;

/// Pagination parameters.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PageParams {
    limit: Option<usize>,
    #[serde(default, deserialize_with = "unless_empty")]
    cursor: Option<String>,
}

impl PageParams {
    /// The page of a list whose items each have a name of their own.
    pub(super) fn page<T>(self, items: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Page<T>, RpcError> {
        Ok(Page::of(items, self.limit, self.cursor.as_deref(), name)?)
    }
}

/// Writes the payload of a response.
pub(super) fn reply(payload: &impl Serialize) -> Reply {
    Ok(to_raw_value(payload).expect("strings, numbers and raw JSON always serialize"))
}

/// Reads an optional text. An empty one counts as none: clients begin with `''` where they have nothing yet.
pub(super) fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}
