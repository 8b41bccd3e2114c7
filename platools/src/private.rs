//! What the expansions of the macros name. Not for use by hand, and free to change in any release.

pub use crate::tool::expansion::*;
#[cfg(feature = "collect")]
pub use inventory;
pub use serde_json;

use serde_json::Value;

/// The schema of a tool's arguments.
#[must_use]
pub fn input_schema<P: Parameters>(parameters: &P, allow_unknown: bool) -> Value {
    crate::tool::input_schema(parameters, allow_unknown)
}

/// Puts a tool where `ToolRegistry::collect` finds it.
#[cfg(feature = "collect")]
#[doc(hidden)]
#[macro_export]
macro_rules! __collect {
    ($tool:expr) => {
        $crate::__private::inventory::submit! { $crate::__private::Collected(|| ::std::boxed::Box::new($tool)) }
    };
}

/// Without the feature `collect` tools are listed by hand.
#[cfg(not(feature = "collect"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __collect {
    ($tool:expr) => {};
}
