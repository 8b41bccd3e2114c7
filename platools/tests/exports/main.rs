//! Tests that a tool accepts every value that its exported schema allows. They generate values that fit the exported schema, convert them
//! back into the tool's own arguments, and call the tool.

mod check;
mod foreign;
mod typed;
mod values;

use platools::tool::Dialect;

/// The forms that models are shown.
const DIALECTS: [Dialect; 5] =
    [Dialect::OpenAi, Dialect::OpenAiNonStrict, Dialect::Anthropic, Dialect::Gemini, Dialect::Mcp];
