//! [`CompiledSettings`]: the settings of the journal, with the sensitive names of [`JournalSettings`] prepared for the search.

use std::ops::Deref;

use super::redact::SensitiveNames;
use crate::settings::JournalSettings;

/// The settings of the journal, and its sensitive names compiled.
#[derive(Debug)]
pub(super) struct CompiledSettings {
    settings: JournalSettings,
    pub(super) names: SensitiveNames,
}

impl From<JournalSettings> for CompiledSettings {
    fn from(settings: JournalSettings) -> Self {
        let names = SensitiveNames::new(&settings.sensitive_names);
        Self { settings, names }
    }
}

impl Deref for CompiledSettings {
    type Target = JournalSettings;

    fn deref(&self) -> &JournalSettings {
        &self.settings
    }
}
