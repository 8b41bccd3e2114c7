//! Functions of [`Revision`] that write tools, progress and content for clients of older revisions: `tool`, `progress` and `content`.
//!
//! Clients of an older revision refuse types of content that they do not know, and lose the whole result. So a client gets content of a
//! newer type in an older form.

use rmcp::model::{ContentBlock, ProgressNotificationParam, Resource, ResourceContents, Tool};

use super::revision::Revision;

impl Revision {
    /// The tool as the revision has it.
    #[must_use]
    pub fn tool(self, mut tool: Tool) -> Tool {
        if self < Self::V2025_06_18 {
            (tool.output_schema, tool.meta) = (None, None);
        }
        if self < Self::V2025_03_26 {
            tool.annotations = None;
        }
        tool
    }

    /// The report of progress as the revision has it.
    #[must_use]
    pub fn progress(self, mut progress: ProgressNotificationParam) -> ProgressNotificationParam {
        if self < Self::V2025_03_26 {
            progress.message = None;
        }
        progress
    }

    /// The part of a result as the revision has it: a sound is an embedded resource where there are no sounds, and a link is a text where
    /// there are no links.
    pub(super) fn content(self, block: ContentBlock) -> ContentBlock {
        let mut block = match block {
            ContentBlock::ResourceLink(link) if self < Self::V2025_06_18 => ContentBlock::text(in_words(link)),
            ContentBlock::Audio(audio) if self < Self::V2025_03_26 => {
                let (uri, mime_type) = (SOUND_URI.to_owned(), Some(audio.mime_type));
                let blob = ResourceContents::BlobResourceContents { uri, mime_type, blob: audio.data, meta: None };
                ContentBlock::resource(blob)
            }
            other => other,
        };
        if self < Self::V2025_06_18 {
            strip(&mut block);
        }
        if let ContentBlock::ResourceLink(link) = &mut block
            && self < Self::V2025_11_25
        {
            link.icons = None;
        }
        block
    }
}

/// The URI of a sound that travels as a resource. It leads nowhere, since the sound comes with it.
const SOUND_URI: &str = "urn:platools:sound";

/// A link as text: its title or name, its address, and its description.
fn in_words(link: Resource) -> String {
    let Resource { uri, name, title, description, .. } = link;
    let about = description.map(|description| format!(": {description}")).unwrap_or_default();
    format!("{} ({uri}){about}", title.unwrap_or(name))
}

/// Removes members that parts have since 2025-06-18.
fn strip(block: &mut ContentBlock) {
    let (meta, annotations) = match block {
        ContentBlock::Text(text) => (&mut text.meta, &mut text.annotations),
        ContentBlock::Image(image) => (&mut image.meta, &mut image.annotations),
        ContentBlock::Audio(audio) => (&mut audio.meta, &mut audio.annotations),
        ContentBlock::Resource(embedded) => {
            match &mut embedded.resource {
                ResourceContents::TextResourceContents { meta, .. }
                | ResourceContents::BlobResourceContents { meta, .. } => *meta = None,
                _ => {}
            }
            (&mut embedded.meta, &mut embedded.annotations)
        }
        _ => return,
    };
    *meta = None;
    if let Some(annotations) = annotations {
        annotations.last_modified = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    fn members(value: &Value) -> Vec<&str> {
        value.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    #[test]
    fn a_tool_has_the_members_of_the_revision() {
        let tool = json!({
            "name": "t", "description": "Do it.", "inputSchema": {"type": "object"},
            "outputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}, "_meta": {"a": 1},
        });
        let first = ["name", "description", "inputSchema"];
        let hints = ["name", "description", "inputSchema", "annotations"];
        let all = ["name", "description", "inputSchema", "outputSchema", "annotations", "_meta"];
        let expected: [&[&str]; 5] = [&first, &hints, &all, &all, &all];
        for (revision, expected) in Revision::ALL.into_iter().zip(expected) {
            let shown = to_value(revision.tool(from_value(tool.clone()).expect("a tool"))).expect("JSON");
            assert_eq!(members(&shown), expected, "{revision:?}");
        }
    }

    #[test]
    fn progress_has_the_members_of_the_revision() {
        for revision in Revision::ALL {
            let progress = json!({"progressToken": 1, "progress": 1.0, "message": "half"});
            let told = revision.progress(from_value(progress).expect("progress"));
            assert_eq!(told.message.is_some(), revision >= Revision::V2025_03_26, "{revision:?}");
        }
    }

    #[test]
    fn a_part_of_a_result_has_a_type_of_the_revision_and_loses_nothing() {
        let audio = json!({"type": "audio", "data": "AAAA", "mimeType": "audio/wav"});
        let resource = json!({"uri": SOUND_URI, "mimeType": "audio/wav", "blob": "AAAA"});
        let embedded = json!({"type": "resource", "resource": resource});
        let link = json!({"type": "resource_link", "uri": "file:///a", "name": "a", "description": "All of it."});
        let words = json!({"type": "text", "text": "a (file:///a): All of it."});
        let dated = json!({"type": "text", "text": "t", "annotations": {"priority": 1.0, "lastModified": "2026-01-01"}, "_meta": {"a": 1}});
        let undated = json!({"type": "text", "text": "t", "annotations": {"priority": 1.0}});
        for revision in Revision::ALL {
            let shown =
                |part: &Value| to_value(revision.content(from_value(part.clone()).expect("a part"))).expect("JSON");
            let is_before = |other: Revision| revision < other;
            assert_eq!(shown(&audio), if is_before(Revision::V2025_03_26) { embedded.clone() } else { audio.clone() });
            assert_eq!(shown(&link), if is_before(Revision::V2025_06_18) { words.clone() } else { link.clone() });
            // The order of members does not count.
            assert_eq!(shown(&dated), if is_before(Revision::V2025_06_18) { undated.clone() } else { dated.clone() });
        }
    }
}
