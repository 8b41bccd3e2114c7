//! [`Content`]: holds a result with several parts, such as texts, images, sounds and resources, for a tool to return.

mod block;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use block::ContentBlock;

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
/// content is in the tool's output schema: with `no_output_schema` they are JSON for all callers.
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

    /// The output schema of content without a value, for [tools made at run time](crate::ToolDefinition::handler). What says that results are content is
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

    /// True if a tool with this output schema returns content. Its results are objects like this type's, or strings, each of which
    /// is a text alone.
    #[must_use]
    pub fn is_declared_by(output_schema: &Value) -> bool {
        output_schema["format"] == FORMAT
    }

    /// Reads the result of such a tool: its parts, in whatever type takes them in the protocol's form, and its value.
    ///
    /// # Errors
    /// It is no content, or has a part that the type does not take.
    pub fn read<B: DeserializeOwned>(result: &[u8]) -> serde_json::Result<(Vec<B>, Option<Value>)> {
        #[derive(Deserialize)]
        struct Parts<B> {
            content: Vec<B>,
            #[serde(rename = "structuredContent")]
            value: Option<Value>,
        }
        if result.starts_with(b"\"") {
            let text: String = serde_json::from_slice(result)?;
            return Ok((vec![serde_json::from_value(json!(ContentBlock::text(text)))?], None));
        }
        let Parts { content, value } = serde_json::from_slice(result)?;
        Ok((content, value))
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

impl From<Vec<ContentBlock>> for Content {
    fn from(blocks: Vec<ContentBlock>) -> Self {
        Self { blocks, value: None }
    }
}

impl FromIterator<ContentBlock> for Content {
    fn from_iter<I: IntoIterator<Item = ContentBlock>>(blocks: I) -> Self {
        Self::from(Vec::from_iter(blocks))
    }
}

impl<T: JsonSchema> JsonSchema for Content<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Content_of_{}", T::schema_name()).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("platools::tool::Content<{}>", T::schema_id()).into()
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

/// The schema of the value that clients of the Model Context Protocol are given beside a result's text, by the output schema of its
/// tool. `None` if there is no value, or one that is no object.
#[must_use]
pub fn structured_schema(output_schema: &Value) -> Option<Cow<'_, Value>> {
    let schema = match Content::is_declared_by(output_schema) {
        true => Cow::Owned(schema_of_value(output_schema)?),
        false => Cow::Borrowed(output_schema),
    };
    (schema["type"] == "object").then_some(schema)
}

/// The schema of the value of content, with the definitions it may refer to; `None` if there is no value.
fn schema_of_value(output_schema: &Value) -> Option<Value> {
    let mut schema = output_schema["properties"].get(VALUE)?.clone();
    if let (Some(schema), Some(definitions)) = (schema.as_object_mut(), output_schema.get("$defs")) {
        schema.insert("$defs".to_owned(), definitions.clone());
    }
    Some(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Node {
        children: Vec<Node>,
    }

    #[test]
    fn parts_are_written_in_the_protocols_form_with_the_value_beside_them_and_read_again() {
        let content = Content::from(ContentBlock::text("hi"));
        let hi = json!({ "type": "text", "text": "hi" });
        assert_eq!(json!(content), json!({ "content": [hi] }));
        let content = content.with_value(Node { children: vec![] });
        assert_eq!(json!(content)["structuredContent"], json!({ "children": [] }));

        let read = |result: Value| Content::read::<Value>(result.to_string().as_bytes()).ok();
        assert_eq!(read(json!(content)), Some((vec![hi.clone()], Some(json!({ "children": [] })))));
        assert_eq!(read(json!({ "content": [], "structuredContent": [7] })), Some((vec![], Some(json!([7])))));
        assert_eq!(read(json!("hi")), Some((vec![hi], None)));
        assert_eq!((read(json!(7)), read(json!({ "structuredContent": {} }))), (None, None));
    }
}
