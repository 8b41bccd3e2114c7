//! [`ContentBlock`]: holds one part of a [`Content`](super::Content), such as a text or an image.

use std::fmt;

use data_encoding::BASE64;
use serde::Serialize;

/// A text, an image, a sound or a resource: one part of a [`Content`](super::Content).
///
/// `Debug` shows what kind of part it is and how long, not what it says.
#[derive(Clone, PartialEq, Serialize)]
pub struct ContentBlock(Kind);

#[derive(Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Kind {
    Text { text: String },
    Image { data: String, mime_type: String },
    Audio { data: String, mime_type: String },
    Resource { resource: Resource },
    ResourceLink { uri: String, name: String },
}

/// Data of a resource.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    uri: String,
    mime_type: String,
    #[serde(flatten)]
    data: Data,
}

#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Data {
    Text(String),
    Blob(String),
}

impl ContentBlock {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self(Kind::Text { text: text.into() })
    }

    /// An image, by its media type (`image/png`) and its bytes.
    #[must_use]
    pub fn image(mime_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self(Kind::Image { data: BASE64.encode(bytes.as_ref()), mime_type: mime_type.into() })
    }

    /// A sound, by its media type (`audio/wav`) and its bytes.
    #[must_use]
    pub fn audio(mime_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self(Kind::Audio { data: BASE64.encode(bytes.as_ref()), mime_type: mime_type.into() })
    }

    /// A document of text that comes with the result: the URI that names it, its media type (`text/markdown`) and its text.
    #[must_use]
    pub fn text_resource(uri: impl Into<String>, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        Self::resource(uri, mime_type, Data::Text(text.into()))
    }

    /// Any other document that comes with the result: the URI that names it, its media type (`application/pdf`) and its bytes.
    #[must_use]
    pub fn blob_resource(uri: impl Into<String>, mime_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self::resource(uri, mime_type, Data::Blob(BASE64.encode(bytes.as_ref())))
    }

    fn resource(uri: impl Into<String>, mime_type: impl Into<String>, data: Data) -> Self {
        Self(Kind::Resource { resource: Resource { uri: uri.into(), mime_type: mime_type.into(), data } })
    }

    /// A document that the caller may fetch: its URI and its name. A reader needs a way to get there; nothing is
    /// fetched for it.
    #[must_use]
    pub fn resource_link(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self(Kind::ResourceLink { uri: uri.into(), name: name.into() })
    }
}

impl fmt::Debug for ContentBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, length) = match &self.0 {
            Kind::Text { text } => ("Text", text.len()),
            Kind::Image { data, .. } => ("Image", data.len()),
            Kind::Audio { data, .. } => ("Audio", data.len()),
            Kind::Resource { resource: Resource { data: Data::Text(data) | Data::Blob(data), .. } } => {
                ("Resource", data.len())
            }
            Kind::ResourceLink { uri, .. } => ("ResourceLink", uri.len()),
        };
        f.debug_struct(kind).field("bytes", &length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_part_has_the_protocols_form() {
        let (png, uri) = ("image/png", "file:///a.md");
        let parts = [
            (ContentBlock::text("hi"), json!({ "type": "text", "text": "hi" })),
            (ContentBlock::image(png, [0, 255]), json!({ "type": "image", "data": "AP8=", "mimeType": png })),
            (
                ContentBlock::audio("audio/wav", "a"),
                json!({ "type": "audio", "data": "YQ==", "mimeType": "audio/wav" }),
            ),
            (
                ContentBlock::text_resource(uri, "text/markdown", "# A"),
                json!({ "type": "resource", "resource": { "uri": uri, "mimeType": "text/markdown", "text": "# A" } }),
            ),
            (
                ContentBlock::blob_resource(uri, png, [0]),
                json!({ "type": "resource", "resource": { "uri": uri, "mimeType": png, "blob": "AA==" } }),
            ),
            (ContentBlock::resource_link(uri, "a"), json!({ "type": "resource_link", "uri": uri, "name": "a" })),
        ];
        for (part, form) in parts {
            assert_eq!(json!(part), form);
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let shown = format!("{:?}", [ContentBlock::text("hunter2"), ContentBlock::image("image/png", "hunter2")]);
        assert_eq!(shown, "[Text { bytes: 7, .. }, Image { bytes: 12, .. }]");
    }
}
