//! [`JournalEntry`]: the record of one call while it waits in the journal's queue, and its conversion to a row of the database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::redact::{Rules, redact};
use super::settings::CompiledSettings;
use crate::catalog::CatalogTool;
use crate::domain::call::{CallEnd, CallSummary, PayloadState, StoredCall, StoredText};
use crate::domain::ids::ProjectId;
use crate::domain::shared_text::SharedText;
use crate::settings::Recording;

const DROPPED: StoredText = StoredText { state: PayloadState::Dropped, text: None };

/// A record that the journal's task turns into a row.
pub(super) struct JournalEntry {
    pub(super) project_id: ProjectId,
    pub(super) summary: CallSummary,
    pub(super) end: CallEnd,
    pub(super) tool: Arc<CatalogTool>,
    /// None if they are not kept.
    pub(super) arguments: Option<SharedText>,
    /// None if it is not kept, or if there was none.
    pub(super) result: Option<SharedText>,
    /// Since when it waits.
    pub(super) since: Instant,
}

impl JournalEntry {
    /// The length of the texts.
    pub(super) fn bytes(&self) -> usize {
        self.texts().map(SharedText::len).sum()
    }

    /// True if arguments or a result wait with the record.
    pub(super) fn has_payload(&self) -> bool {
        self.texts().next().is_some()
    }

    /// Drops arguments and result. The record says that they were dropped.
    pub(super) fn drop_payload(&mut self) {
        (self.arguments, self.result) = (None, None);
    }

    fn texts(&self) -> impl Iterator<Item = &SharedText> {
        self.arguments.iter().chain(&self.result)
    }

    /// Turns the record into a row.
    pub(super) fn row(self, settings: &CompiledSettings) -> StoredCall {
        let declaration = &self.tool.declaration;
        // A mistake in the redaction costs one payload, and neither the record nor the task.
        let stored =
            |text, schema| catch_unwind(AssertUnwindSafe(|| stored(text, schema, settings))).unwrap_or(DROPPED);
        let result = stored(self.result, declaration.output_schema.as_ref());
        StoredCall {
            project_id: self.project_id,
            arguments: stored(self.arguments, Some(&declaration.input_schema)),
            result: self.end.result_bytes.map(|_| result),
            summary: self.summary,
            end: self.end,
        }
    }
}

fn stored(text: Option<SharedText>, schema: Option<&Value>, settings: &CompiledSettings) -> StoredText {
    let Some(text) = text else { return DROPPED };
    let redacted = match settings.recording {
        Recording::Nothing => return DROPPED,
        // Nothing is redacted, but an unreadable value is not kept either.
        Recording::Full => redact(text.as_str(), None, &Rules::none()),
        Recording::Redacted => redact(text.as_str(), schema, &Rules::of(&settings.names, settings.max_payload_bytes)),
    };
    match redacted {
        Ok(None) => StoredText { state: PayloadState::Kept, text: Some(text.into_string()) },
        Ok(Some(rest)) => StoredText { state: PayloadState::Redacted, text: Some(rest) },
        Err(_) => DROPPED,
    }
}

/// A record of a call that ended just now.
#[cfg(test)]
pub(super) fn sample() -> JournalEntry {
    let declaration =
        platools_protocol::tool_sync::ToolDeclaration::new("t", "", serde_json::json!({"type": "object"}));
    let row = crate::domain::tool::StoredTool { declaration, fingerprint: String::new(), changed_ms: 0 };
    let call_id = crate::domain::ids::CallId::random();
    JournalEntry {
        project_id: "prj".into(),
        summary: CallSummary::sample(call_id, crate::ports::time::now_ms()),
        end: CallEnd { outcome: "ok".into(), total_ms: 1, worker_ms: None, result_bytes: None },
        tool: Arc::new(row.into()),
        arguments: Some("{}".to_owned().into()),
        result: None,
        since: Instant::now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(recording: Recording, text: Option<&str>) -> (PayloadState, Option<String>) {
        let settings = CompiledSettings::from(
            crate::settings::JournalSettings::default().with(|journal| journal.recording = recording),
        );
        let stored = stored(text.map(|text| text.to_owned().into()), None, &settings);
        (stored.state, stored.text)
    }

    #[test]
    fn the_setting_says_what_is_kept() {
        let text = r#"{"a":1,"password":2}"#;
        let whole = (PayloadState::Kept, Some(text.to_owned()));
        let rest = (PayloadState::Redacted, Some(r#"{"a":1,"password":"[redacted]"}"#.to_owned()));
        assert_eq!(kept(Recording::Full, Some(text)), whole);
        assert_eq!(kept(Recording::Redacted, Some(text)), rest);
        assert_eq!(kept(Recording::Redacted, Some(r#"{"a":1}"#)), (PayloadState::Kept, Some(r#"{"a":1}"#.to_owned())));
        assert_eq!(kept(Recording::Nothing, Some(text)), (PayloadState::Dropped, None));
        assert_eq!(kept(Recording::Full, None), (PayloadState::Dropped, None));
    }

    #[test]
    fn what_is_nested_too_deep_is_dropped_whatever_the_setting() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        for recording in [Recording::Full, Recording::Redacted] {
            assert_eq!(kept(recording, Some(&deep)), (PayloadState::Dropped, None));
        }
    }
}
