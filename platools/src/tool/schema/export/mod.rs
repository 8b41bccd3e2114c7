//! A tool as each consumer of schemas wants it.
//!
//! Nothing here fails: what a dialect has no keyword for becomes a sentence of the description, so that the model still
//! reads it. Conditions that are schemas themselves (`not`, `if`, `contains`, `propertyNames` and the like) have no sentence, and
//! are left out where a dialect lacks them; a typed tool checks every argument whatever the model was shown.

mod compose;
mod gemini;
mod mcp;
mod notes;
mod openai;
mod portable;
mod walk;

use serde_json::{Value, json};

use self::portable::{Side, portable};
use crate::tool::ToolDefinition;

/// Whose form of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// The platform's own: the seven keys of a registration.
    Platform,
    /// A `Tool` of the Model Context Protocol, [2025-11-25](https://modelcontextprotocol.io/specification/2025-11-25/schema).
    ///
    /// Of the annotations only the hints the protocol knows are shown, and of the output schemas only objects, as the
    /// protocol has no others.
    ///
    /// Schemas are in the keywords and forms that every client reads, whether it has draft-07 or draft 2020-12: references are written out but for
    /// types that contain themselves, variants without data are one `enum`, alternatives are `anyOf`, formats of numbers are bounds, and an
    /// argument that may be left out is not shown as `null`. A tuple is a list with a sentence for its order, and other keywords, formats and
    /// patterns that some clients refuse are sentences, too.
    Mcp,
    /// A function tool of OpenAI's Chat Completions, in
    /// [strict form](https://platform.openai.com/docs/guides/structured-outputs#supported-schemas) where there is one.
    ///
    /// In strict form every object is closed and every property required. One that may be left out accepts `null` for
    /// that, unless it has a default: then the model gives the default. So whatever fits a generated schema's strict form
    /// fits the schema too. Keywords that strict form lacks become sentences of the description ("At most 50
    /// characters.").
    ///
    /// Maps, values of any shape, tuples of several types, conditions on other properties, and unions of objects that
    /// start with the same key without a tag there have no strict form. A tool with one of these says `"strict": false`
    /// and keeps its schema, except that every array gets `items`, without which the API refuses it.
    OpenAi,
    /// A tool of Anthropic's Messages API, with its schema in the forms of [`Dialect::Mcp`].
    Anthropic,
    /// A `FunctionDeclaration` of Google's Gemini, in its
    /// [subset of OpenAPI 3.0](https://ai.google.dev/api/caching#Schema).
    ///
    /// References are written out; a type that contains itself ends at its first repetition, with a bare object.
    /// A union stands alone in its node, as the API demands, so what is said of the union is said of each alternative.
    /// Alternative groups of properties (a flattened enum) become optional properties, with a sentence that tells which
    /// go together. A map's values are told of in a sentence, and keys beyond named properties not at all. Types are in lower case, so that the result reads as JSON Schema too.
    Gemini,
}

impl ToolDefinition {
    /// The tool in the form that a consumer takes.
    ///
    /// ```
    /// use platools::ToolDefinition;
    /// use platools::tool::Dialect;
    /// use serde_json::json;
    ///
    /// let tool = ToolDefinition::new(
    ///     "greet",
    ///     "Greets someone.",
    ///     json!({
    ///         "type": "object",
    ///         "properties": {"name": {"type": "string", "maxLength": 50}, "title": {"type": "string"}},
    ///         "required": ["name"],
    ///     }),
    /// );
    /// assert_eq!(
    ///     tool.export(Dialect::OpenAi),
    ///     json!({
    ///         "type": "function",
    ///         "function": {
    ///             "name": "greet",
    ///             "description": "Greets someone.",
    ///             "strict": true,
    ///             "parameters": {
    ///                 "type": "object",
    ///                 "properties": {
    ///                     "name": {"type": "string", "description": "At most 50 characters."},
    ///                     "title": {"type": ["string", "null"]},
    ///                 },
    ///                 "required": ["name", "title"],
    ///                 "additionalProperties": false,
    ///             },
    ///         },
    ///     }),
    /// );
    /// ```
    #[must_use]
    pub fn export(&self, dialect: Dialect) -> Value {
        match dialect {
            Dialect::Platform => platform(self),
            Dialect::Mcp => mcp::tool(self),
            Dialect::OpenAi => openai::tool(self),
            Dialect::Anthropic => anthropic(self),
            Dialect::Gemini => gemini::declaration(self),
        }
    }
}

fn platform(tool: &ToolDefinition) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "output_schema": tool.output_schema,
        "auth": tool.auth,
        "roles": tool.roles,
        "annotations": tool.annotations,
    })
}

fn anthropic(tool: &ToolDefinition) -> Value {
    let schema = portable(&tool.input_schema, Side::Arguments);
    json!({ "name": tool.name, "description": tool.description, "input_schema": schema })
}

#[cfg(test)]
mod tests;
