//! Tools with results in several parts: texts, images, audio and resources.

use platools::tool::{Content, ContentBlock};
use platools::{tool, tools};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::case::{Case, Corpus};

#[derive(Debug, Serialize, JsonSchema)]
struct Sales {
    total: u64,
    months: Vec<Option<u32>>,
}

/// Return texts.
#[tool]
async fn texts() -> Content {
    Content::from([ContentBlock::text("a"), ContentBlock::text("b")])
}

/// Return an image.
#[tool]
async fn image() -> Content {
    ContentBlock::image("image/png", [1, 2, 3]).into()
}

/// Return audio.
#[tool]
async fn audio() -> Content {
    ContentBlock::audio("audio/wav", [1, 2, 3]).into()
}

/// Return resources.
#[tool]
async fn resources() -> Content {
    Content::from([
        ContentBlock::text_resource("file:///a.txt", "text/plain", "a"),
        ContentBlock::blob_resource("file:///a.bin", "application/octet-stream", [1, 2, 3]),
    ])
}

/// Return a link to a resource.
#[tool]
async fn resource_link() -> Content {
    ContentBlock::resource_link("file:///a.txt", "a").into()
}

/// Return blocks and a value.
#[tool]
async fn blocks_with_value() -> Content<Sales> {
    Content::from(ContentBlock::text("12 in all")).with_value(Sales { total: 12, months: vec![Some(1), None] })
}

fn case(tool: &'static str, content: Value) -> Case {
    Case { tool, arguments: json!({}), content: Some(content), ..Case::default() }
}

pub(crate) fn corpus() -> Corpus {
    let binary = "AQID";
    let cases = vec![
        case("texts", json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])),
        case("image", json!([{"type": "image", "data": binary, "mimeType": "image/png"}])),
        case("audio", json!([{"type": "audio", "data": binary, "mimeType": "audio/wav"}])),
        case(
            "resources",
            json!([
                {"type": "resource", "resource": {"uri": "file:///a.txt", "mimeType": "text/plain", "text": "a"}},
                {"type": "resource", "resource": {"uri": "file:///a.bin", "mimeType": "application/octet-stream", "blob": binary}},
            ]),
        ),
        case("resource_link", json!([{"type": "resource_link", "uri": "file:///a.txt", "name": "a"}])),
        Case {
            result: json!({"total": 12, "months": [1, null]}),
            structured: true,
            ..case("blocks_with_value", json!([{"type": "text", "text": "12 in all"}]))
        },
    ];
    Corpus { tools: tools![texts, image, audio, resources, resource_link, blocks_with_value], cases }
}
