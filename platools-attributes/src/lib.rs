//! Readers of the texts in a tool's attributes: names, doc comments ([`Docs`]), times and rates ([`units`]).
//!
//! `platools-macros` reads literals while a tool compiles. A macro cannot read the text of a constant or of `include_str!`; `platools`
//! reads such a text when the program starts. Both crates call this one, so both get the same result. Use it through `platools`: it may
//! change in any release.

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
