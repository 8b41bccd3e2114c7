//! Exports of tools to the dialects of OpenAI, Anthropic, Gemini and MCP. [`ToolExport`] holds a tool in one dialect, and converts a
//! model's arguments back into the arguments of the tool.
//!
//! An export never fails: a keyword that a dialect lacks becomes a sentence of the description, which the model reads. A model's value may
//! then break the keyword; the tool refuses it and names the problem.

mod composed_node;
mod gemini;
mod key_groups;
mod keyword_notes;
mod mcp;
mod names;
mod openai;
mod openai_size_limits;
mod pattern_notes;
mod portable;
mod restore;
mod root_object;
mod tool_export;
mod walk;

use serde_json::{Value, json};

use self::names::{rename_arguments, tool_name};
use self::portable::{Side, portable};
use self::restore::Restoration;
use self::root_object::without_unions;
pub use self::tool_export::ToolExport;
use crate::tool::ToolDefinition;

/// A form of a tool's declaration.
///
/// A value that fits a form may still break a keyword that the form has in words only. The tool refuses such arguments with the code
/// `invalid_arguments`, and names the problem. These keywords are sentences:
///
/// | form | keywords |
/// |---|---|
/// | `Platform`, `Mcp` | none |
/// | `OpenAi` in strict form | `minLength`, `maxLength`, `uniqueItems`, `minProperties`, `maxProperties`, most values of `format`, patterns with look-around or classes of Unicode |
/// | `OpenAi` otherwise, `OpenAiNonStrict` | such patterns; `anyOf`, `oneOf`, `allOf`, `not`, `enum` and `const` at the root |
/// | `Anthropic` | `anyOf`, `oneOf`, `allOf`, `not`, `enum` and `const` at the root; conditions on an argument that has another name |
/// | `Gemini` | `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`, `uniqueItems`, `contains`, `not`, `if`, `dependentRequired`, `dependentSchemas`, `propertyNames`, `patternProperties`, `additionalProperties`, `prefixItems`, `enum` and `const` of other values than texts, unions beside properties, every `format` but `date-time`, such patterns |
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
    /// start with the same key without a tag there have no strict form, and neither have schemas beyond
    /// [its limits](https://platform.openai.com/docs/guides/structured-outputs#supported-schemas): 5,000 properties, 10 levels, 1,000 listed
    /// values, 120,000 characters of names and listed values, and 15,000 of one list with more than 250 values. Such a tool has the form of
    /// [`Dialect::OpenAiNonStrict`].
    ///
    /// A description ends at 1,024 characters.
    OpenAi,
    /// A function tool of the Chat Completions API in the form without `strict`, for endpoints of this kind that do not take strict form.
    ///
    /// The schema is the tool's own, except that every array has `items`, that unions at the root are optional properties and a sentence that
    /// tells which go together, and that patterns which the API cannot read (look-around, classes of Unicode) are sentences.
    OpenAiNonStrict,
    /// A tool of Anthropic's Messages API, with its schema in the forms of [`Dialect::Mcp`].
    ///
    /// Unions at the root are optional properties and a sentence that tells which go together. An argument whose name is not
    /// `^[a-zA-Z0-9_.-]{1,64}$` has another one; [`ToolExport::arguments`] finds the tool's own again.
    Anthropic,
    /// A `FunctionDeclaration` of Google's Gemini, in its
    /// [subset of OpenAPI 3.0](https://ai.google.dev/api/caching#Schema).
    ///
    /// References are written out; a type that contains itself ends at its first repetition, with a bare object.
    /// A union stands alone in its node, as the API demands, so what is said of the union is said of each alternative.
    /// Alternative groups of properties (a flattened enum) become optional properties, with a sentence that tells which
    /// go together. The values of a map, and keys beyond named properties, are told of in a sentence, and so is every keyword that the subset
    /// lacks. Types are in lower case, so that the result reads as JSON Schema too.
    Gemini,
}

impl Dialect {
    /// The number of tools that the interface takes in one request; `None` without a limit that its documentation tells.
    ///
    /// [OpenAI](https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools) and
    /// [Gemini](https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling) take 128. A request with more of them fails as a
    /// whole.
    #[must_use]
    pub fn max_tools(self) -> Option<usize> {
        match self {
            Self::OpenAi | Self::OpenAiNonStrict | Self::Gemini => Some(128),
            Self::Platform | Self::Mcp | Self::Anthropic => None,
        }
    }
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
        self.to_export(dialect).into_value()
    }

    /// The tool in the form that a consumer takes, with the way from the arguments that a model writes for this form to the tool's own.
    #[must_use]
    pub fn to_export(&self, dialect: Dialect) -> ToolExport {
        let name = match dialect {
            Dialect::Platform | Dialect::Mcp => self.name.clone(),
            _ => tool_name(&self.name).into_owned(),
        };
        let mut restoration = Restoration::default();
        let value = match dialect {
            Dialect::Platform => platform(self),
            Dialect::Mcp => mcp::tool(self),
            Dialect::OpenAi => openai::tool(self, &name, &mut restoration),
            Dialect::OpenAiNonStrict => openai::non_strict_tool(self, &name),
            Dialect::Anthropic => anthropic(self, &name, &mut restoration),
            Dialect::Gemini => gemini::declaration(self, &name),
        };
        ToolExport { name, value, restoration }
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
        "annotations": tool.declared_annotations(),
    })
}

fn anthropic(tool: &ToolDefinition, name: &str, restoration: &mut Restoration) -> Value {
    let mut schema = without_unions(portable(&tool.input_schema, Side::Arguments));
    restoration.names = rename_arguments(&mut schema);
    json!({ "name": name, "description": tool.description, "input_schema": schema })
}

#[cfg(test)]
mod tests;
