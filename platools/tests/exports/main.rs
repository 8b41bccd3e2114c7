//! Whatever a form of a tool allows, the tool takes: values that fit the exported schema are generated, turned back into the tool's own
//! arguments, and the tool is called with them.

mod check;
mod foreign;
mod typed;
mod values;

use platools::tool::Dialect;

/// The forms that models are shown.
const DIALECTS: [Dialect; 5] =
    [Dialect::OpenAi, Dialect::OpenAiNonStrict, Dialect::Anthropic, Dialect::Gemini, Dialect::Mcp];
