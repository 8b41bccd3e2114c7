//! Results that are more than one value: texts, images, sounds and resources, for models that can see and hear.

mod block;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};

pub use block::ContentBlock;

use super::definition::ToolDefinition;

/// Says in an output schema that results are content. The keyword is there for what the others cannot express; who does not
/// know this word passes over it.
const FORMAT: &str = "mcp-content";

/// The member of a result that is its value.
const VALUE: &str = "structuredContent";

/// A result in parts, and the value they are about if there is one.
///
/// The parts are those of a [tool's result](https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result) in the
/// Model Context Protocol, whose clients get them as they are. Other callers get them as JSON, in the same form:
/// `{"content": [{"type": "text", "text": "..."}, ...]}`. Binary data travels as base64, which is a third longer. That results are
/// content is in the tool's output schema: with `no_output_schema` they are JSON for everybody.
///
/// ```
/// use platools::tool;
/// use platools::tool::{Content, ContentBlock};
///
/// # fn draw(_: u16) -> Vec<u8> { Vec::new() }
/// /// Draw the sales of a year.
/// #[tool]
/// async fn chart(year: u16) -> Content {
///     Content::from([
///         ContentBlock::text(format!("Sales of {year}, by month:")),
///         ContentBlock::image("image/png", draw(year)),
///     ])
/// }
/// ```
///
/// With a value, the tool's callers are told what that is like, as they are of any other result:
///
/// ```
/// use platools::tool;
/// use platools::tool::{Content, ContentBlock};
/// use schemars::JsonSchema;
/// use serde::Serialize;
///
/// #[derive(Serialize, JsonSchema)]
/// struct Sales {
///     total: u64,
/// }
///
/// /// Sum up the sales of a year.
/// #[tool]
/// async fn sales(year: u16) -> Content<Sales> {
///     Content::from(ContentBlock::text(format!("12 in {year}"))).with_value(Sales { total: 12 })
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Content<T = ()> {
    #[serde(rename = "content")]
    blocks: Vec<ContentBlock>,
    #[serde(rename = "structuredContent", skip_serializing_if = "Option::is_none")]
    value: Option<T>,
}

impl Content {
    /// Adds the value that the parts are about. It has to be an object, as the protocol has no others: another is shown to its
    /// clients by the parts alone.
    #[must_use]
    pub fn with_value<T>(self, value: T) -> Content<T> {
        Content { blocks: self.blocks, value: Some(value) }
    }

    /// The output schema of content without a value, for tools that are written by hand. What says that results are content is
    /// its `format`.
    #[must_use]
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "format": FORMAT,
            "properties": {
                "content": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "type": { "enum": ["text", "image", "audio", "resource", "resource_link"] } },
                        "required": ["type"],
                    },
                },
            },
            "required": ["content"],
        })
    }

    /// Whether a tool with this output schema returns content. Its results are objects like this type's, or strings, each of which
    /// is a text alone.
    #[must_use]
    pub fn is_declared_by(output_schema: &Value) -> bool {
        output_schema["format"] == FORMAT
    }
}

impl From<ContentBlock> for Content {
    fn from(block: ContentBlock) -> Self {
        Self::from([block])
    }
}

impl<const N: usize> From<[ContentBlock; N]> for Content {
    fn from(blocks: [ContentBlock; N]) -> Self {
        Self::from_iter(blocks)
    }
}

impl FromIterator<ContentBlock> for Content {
    fn from_iter<I: IntoIterator<Item = ContentBlock>>(blocks: I) -> Self {
        Self { blocks: Vec::from_iter(blocks), value: None }
    }
}

impl<T: JsonSchema> JsonSchema for Content<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Content_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Content::schema();
        // In place and not by its name, so that it can be shown without the rest.
        let value = T::json_schema(generator).to_value();
        if value["type"] != "null" {
            schema["properties"][VALUE] = value;
            schema["required"] = json!(["content", VALUE]);
        }
        schema.try_into().unwrap_or_else(|_| json_schema!(true))
    }
}

impl ToolDefinition {
    /// Whether results are [`Content`].
    #[must_use]
    pub fn returns_content(&self) -> bool {
        self.output_schema.as_ref().is_some_and(Content::is_declared_by)
    }

    /// The schema of the value that clients of the Model Context Protocol are given beside the text of a result. `None` if there
    /// is no value, or one that is no object.
    pub(crate) fn structured_schema(&self) -> Option<Cow<'_, Value>> {
        let schema = self.output_schema.as_ref()?;
        let schema = match Content::is_declared_by(schema) {
            true => Cow::Owned(part(schema, VALUE)?),
            false => Cow::Borrowed(schema),
        };
        (schema["type"] == "object").then_some(schema)
    }
}

/// The schema of one property, with the definitions it may refer to.
fn part(whole: &Value, property: &str) -> Option<Value> {
    let mut part = whole["properties"].get(property)?.clone();
    if let (Some(part), Some(definitions)) = (part.as_object_mut(), whole.get("$defs")) {
        part.insert("$defs".to_owned(), definitions.clone());
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::super::schema::output_schema;
    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Node {
        children: Vec<Node>,
    }

    #[test]
    fn parts_are_written_in_the_protocols_form_with_the_value_beside_them() {
        let content = Content::from(ContentBlock::text("hi"));
        assert_eq!(json!(content), json!({ "content": [{ "type": "text", "text": "hi" }] }));
        let content = content.with_value(Node { children: vec![] });
        assert_eq!(json!(content)["structuredContent"], json!({ "children": [] }));
    }

    fn returning<T: JsonSchema>() -> ToolDefinition {
        let mut tool = ToolDefinition::new("t", "Do it.", json!({ "type": "object" }));
        tool.output_schema = output_schema::<T>();
        tool
    }

    #[test]
    fn a_schema_says_that_results_are_content_and_what_their_value_is_like() {
        let plain = returning::<Content>();
        assert_eq!(plain.output_schema, Some(Content::schema()));
        assert!(plain.returns_content() && plain.structured_schema().is_none());
        let valued = returning::<Content<Node>>();
        let value = valued.structured_schema().expect("it has a value");
        assert!(valued.returns_content());
        assert_eq!(value["properties"]["children"]["items"], json!({ "$ref": "#/$defs/Node" }));
        assert_eq!(value["$defs"]["Node"]["type"], "object");
    }

    #[test]
    fn any_other_result_is_a_value_and_shown_as_one_if_it_is_an_object() {
        let node = returning::<Node>();
        assert!(!node.returns_content());
        assert_eq!(node.structured_schema().as_deref(), node.output_schema.as_ref());
        assert_eq!(returning::<String>().structured_schema(), None);
        assert_eq!(returning::<Content<String>>().structured_schema(), None);
    }
}
