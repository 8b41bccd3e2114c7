//! The JSON Schemas of a tool's arguments and result: generated, prepared for checks, and exported.

mod export;
mod generate;
pub mod prepare;

pub use export::{Dialect, ToolExport};
pub use generate::output_schema_with;
pub(crate) use generate::{arguments_schema, input_schema, output_schema};
