//! The texts in the attributes of a tool: names, doc comments ([`Docs`]), times and rates ([`units`]).
//!
//! `platools-macros` reads texts that are literals while a tool compiles, and `platools` reads those that are known later, such as
//! `include_str!`. Both get the same result from this crate. Use it through `platools`: it may change in any release.

mod docs;
mod fragment;
mod markdown;
mod name;
mod suggestion;
pub mod units;

pub use docs::{Docs, described};
pub use fragment::Fragment;
pub use name::{check_argument, check_tool};
pub use suggestion::closest;
