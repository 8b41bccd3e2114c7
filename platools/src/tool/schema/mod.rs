//! The schemas of a tool: of its arguments, and of its result.

mod export;
mod generate;

pub use export::{Dialect, ToolExport};
pub use generate::output_schema_with;
pub(crate) use generate::{input_schema, output_schema};
