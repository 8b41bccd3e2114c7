//! The JSON Schemas of a tool's arguments and result: `generate` makes them from Rust types, `prepare` makes schemas of any SDK ready for
//! checks, and `export` writes them for models and clients.

mod export;
mod generate;
pub mod prepare;

pub use export::{Dialect, ToolExport};
pub use generate::output_schema_with;
pub(crate) use generate::{arguments_schema, input_schema, output_schema};
