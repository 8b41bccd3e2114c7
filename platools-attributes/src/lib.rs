//! Readers of the texts in a tool's attributes: names, doc comments ([`Docs`]), times and rates ([`units`]).
//!
//! `platools-macros` reads literals while a tool compiles. `platools` reads texts that the macro cannot see, such as `include_str!`, when
//! the program starts. Both use this crate, so both get the same result. Use it through `platools`: it may change in any release.

mod doc_attribute;
mod docs;
mod markdown;
mod name;
mod suggestion;
pub mod units;

pub use doc_attribute::DocAttribute;
pub use docs::{Docs, described};
pub use name::{check_argument, check_tool};
pub use suggestion::closest;
