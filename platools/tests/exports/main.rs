//! Tests that a tool accepts every value allowed by its exported schema. The tests generate such values, convert them back into the tool's
//! own arguments, and call the tool.

mod check;
mod foreign;
mod typed;
mod values;

use platools::tool::Dialect;

/// The forms that models are shown.
const DIALECTS: [Dialect; 5] =
    [Dialect::OpenAi, Dialect::OpenAiNonStrict, Dialect::Anthropic, Dialect::Gemini, Dialect::Mcp];
