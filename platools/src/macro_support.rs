//! Types and functions for the code that the macros generate. They are not for use by hand and may change in any release.

pub use crate::tool::expansion::*;
pub use crate::tool::{Auth, Context, Execution, IntoTools, Tool, ToolDefinition, ToolError, ToolSet};
#[cfg(feature = "macros")]
pub use platools_attributes::{DocAttribute, Docs, described};
#[cfg(feature = "macros")]
pub use platools_macros::list;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::tool::Rate;

/// A rate the macro has checked: neither number is zero.
#[must_use]
pub fn rate(calls: u32, milliseconds: u64) -> Option<Rate> {
    Some(Rate::new(NonZeroU32::new(calls)?, Duration::from_millis(milliseconds)))
}

/// A list of tools.
#[must_use]
pub fn boxed<const N: usize>(tools: [Box<dyn Tool>; N]) -> Vec<Box<dyn Tool>> {
    tools.into()
}

/// Clones a shared value.
#[must_use]
pub fn share<T>(value: &Arc<T>) -> Arc<T> {
    Arc::clone(value)
}

/// The roles of a tool.
#[must_use]
pub fn roles(roles: &[&str]) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

/// The roles of a tool, as any list of text.
#[must_use]
pub fn roles_of<'a>(list: impl AsRef<[&'a str]>) -> Vec<String> {
    roles(list.as_ref())
}

/// A flag that an expression gives.
#[must_use]
pub const fn flag(flag: bool) -> bool {
    flag
}

/// An annotation's value.
#[must_use]
pub fn json<T: Into<Value>>(value: T) -> Value {
    value.into()
}

/// The annotations of a tool.
#[must_use]
pub fn annotations<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The name of a tool whose type does not state it, as one written by hand. `#[tool]` gives its types a constant of the same
/// name, which is preferred.
pub trait Unnamed {
    /// Unknown.
    const TOOL_NAME: Option<&'static str> = None;
}
impl<T: ?Sized> Unnamed for T {}

/// Checks at compile time that no two tools of a list have one name.
///
/// # Panics
/// Two have.
pub const fn distinct(names: &[Option<&str>]) {
    let mut later = 0;
    while later < names.len() {
        let mut earlier = 0;
        while earlier < later {
            if let (Some(a), Some(b)) = (names[earlier], names[later]) {
                assert!(!same(a, b), "two tools of this list have the same name; rename one with `name = \"...\"`");
            }
            earlier += 1;
        }
        later += 1;
    }
}

/// Checks at compile time that every client accepts the name of a tool.
///
/// # Panics
/// They do not.
#[must_use]
pub const fn checked_name(name: &'static str) -> &'static str {
    assert!(
        crate::tool::is_accepted_name(name),
        "a tool's name is a letter or `_` followed by letters, digits, `_` and `-`, and has at most 64 characters"
    );
    name
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
