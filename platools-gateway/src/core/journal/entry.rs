//! A call that ended, on its way into the journal.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::call::{CallEnd, CallSummary, Kept};
use super::redact::{Rules, redact};
use super::settings::{JournalSettings, Recording};
use crate::core::catalog::CatalogTool;
use crate::core::gauge::Held;
use crate::core::ids::ProjectId;
use crate::store::{CallRow, StoredText};

/// What the journal's task turns into a row.
pub(super) struct Entry {
    pub(super) project_id: ProjectId,
    pub(super) summary: CallSummary,
    pub(super) end: CallEnd,
    pub(super) tool: Arc<CatalogTool>,
    /// None if they are not kept.
    pub(super) arguments: Option<String>,
    /// None if it is not kept, or if there was none.
    pub(super) result: Option<String>,
    /// Since when it waits.
    pub(super) since: Instant,
    /// Counts the texts for as long as they wait.
    pub(super) _room: Held,
}

impl Entry {
    /// How long the texts are.
    pub(super) fn bytes(&self) -> usize {
        bytes(self.arguments.as_deref()) + bytes(self.result.as_deref())
    }

    /// What is stored of the call.
    pub(super) fn row(self, settings: &JournalSettings) -> CallRow {
        let declaration = &self.tool.declaration;
        let stored = |text, schema| stored(text, schema, settings);
        let result = stored(self.result, declaration.output_schema.as_ref());
        CallRow {
            project_id: self.project_id,
            arguments: stored(self.arguments, Some(&declaration.input_schema)),
            result: self.end.result_bytes.map(|_| result),
            summary: self.summary,
            end: self.end,
        }
    }
}

pub(super) fn bytes(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

fn stored(text: Option<String>, schema: Option<&Value>, settings: &JournalSettings) -> StoredText {
    const DROPPED: StoredText = StoredText { kept: Kept::Dropped, text: None };

    let Some(text) = text else { return DROPPED };
    let redacted = match settings.recording {
        Recording::Nothing => return DROPPED,
        // Nothing is looked for, but a value that nobody could read is not kept either.
        Recording::Full => redact(&text, None, &Rules::none()),
        Recording::Redacted => redact(&text, schema, &Rules::of(&settings.names, settings.max_payload_bytes)),
    };
    match redacted {
        Ok(None) => StoredText { kept: Kept::Kept, text: Some(text) },
        Ok(Some(rest)) => StoredText { kept: Kept::Redacted, text: Some(rest) },
        Err(_) => DROPPED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(recording: Recording, text: Option<&str>) -> (Kept, Option<String>) {
        let settings = JournalSettings::default().recording(recording);
        let stored = stored(text.map(str::to_owned), None, &settings);
        (stored.kept, stored.text)
    }

    #[test]
    fn the_setting_says_what_is_kept() {
        let text = r#"{"a":1,"password":2}"#;
        let whole = (Kept::Kept, Some(text.to_owned()));
        let rest = (Kept::Redacted, Some(r#"{"a":1,"password":"[redacted]"}"#.to_owned()));
        assert_eq!(kept(Recording::Full, Some(text)), whole);
        assert_eq!(kept(Recording::Redacted, Some(text)), rest);
        assert_eq!(kept(Recording::Redacted, Some(r#"{"a":1}"#)), (Kept::Kept, Some(r#"{"a":1}"#.to_owned())));
        assert_eq!(kept(Recording::Nothing, Some(text)), (Kept::Dropped, None));
        assert_eq!(kept(Recording::Full, None), (Kept::Dropped, None));
    }

    #[test]
    fn what_is_nested_too_deep_is_dropped_whatever_the_setting() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        for recording in [Recording::Full, Recording::Redacted] {
            assert_eq!(kept(recording, Some(&deep)), (Kept::Dropped, None));
        }
    }
}
