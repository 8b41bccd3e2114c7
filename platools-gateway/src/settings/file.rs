//! [`read`]: reads a configuration file, and refuses keys that no section declares.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::check::refused;
use super::origin::SettingOrigin;
use super::section::Setting;
use super::value::shown;
use crate::domain::error::Error;

/// A value and its source.
#[derive(Debug, Clone)]
pub(super) struct FileEntry {
    pub(super) value: Value,
    /// The beginning of an error about the value.
    pub(super) place: String,
    pub(super) origin: SettingOrigin,
}

impl FileEntry {
    /// The error about a value that does not fit. It does not repeat a secret.
    pub(super) fn refused(&self, setting: &Setting, reason: &str) -> Error {
        let value = if setting.is_secret() { "no such value".to_owned() } else { shown(&self.value) };
        refused(format!("{}: `{}` is {value}; {reason}", self.place, setting.name()))
    }
}

/// Reads a file, whose tables may have the `known` settings: its values by the names of the settings.
///
/// # Errors
/// The file cannot be read, is not TOML, or has an unknown key or a secret.
pub(super) fn read(
    file: &Path,
    known: BTreeMap<&'static str, Vec<Setting>>,
) -> Result<BTreeMap<String, FileEntry>, Error> {
    let place = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| refused(format!("the configuration file {place} cannot be read")).caused_by(error))?;
    // The error has the line.
    let table =
        DeTable::parse(&text).map_err(|error| refused(format!("the configuration file {place} is wrong: {error}")))?;
    let mut entries = BTreeMap::new();
    FileReader { place: place.to_string(), text: &text, known, entries: &mut entries }.table("", table.into_inner())?;
    Ok(entries)
}

/// The reading of one file.
struct FileReader<'a> {
    place: String,
    text: &'a str,
    known: BTreeMap<&'static str, Vec<Setting>>,
    entries: &'a mut BTreeMap<String, FileEntry>,
}

impl FileReader<'_> {
    fn table(&mut self, path: &str, table: DeTable<'_>) -> Result<(), Error> {
        for (key, value) in table {
            let line = self.text.get(..key.span().start).unwrap_or_default().matches('\n').count() + 1;
            let place = format!("the configuration file {} is wrong at line {line}", self.place);
            let key = key.into_inner();
            let below = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            let setting = self.known.get(path).into_iter().flatten().find(|setting| setting.key() == key);
            match (setting, value.into_inner()) {
                (Some(setting), _) if setting.is_secret() => {
                    let variable = setting.variable();
                    return Err(refused(format!(
                        "{place}: `{key}` is a secret; only the variable {variable} may have it"
                    )));
                }
                (Some(setting), value) => {
                    let value = Value::deserialize(ValueDeserializer::from(Spanned::new(0..0, value)));
                    let value = value.map_err(|error| refused(format!("{place}: {error}")))?;
                    let origin = SettingOrigin::File { path: self.place.clone(), line };
                    self.entries.insert(setting.name(), FileEntry { value, place, origin });
                }
                (None, DeValue::Table(table)) if self.is_section(&below) => self.table(&below, table)?,
                (None, _) => return Err(self.unknown(&place, path, &key)),
            }
        }
        Ok(())
    }

    /// Tells whether a table is a section, or has sections below it.
    fn is_section(&self, path: &str) -> bool {
        self.known
            .keys()
            .any(|known| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    fn unknown(&self, place: &str, path: &str, key: &str) -> Error {
        let keys = self
            .known
            .get(path)
            .into_iter()
            .flatten()
            .filter(|setting| !setting.is_secret())
            .map(|setting| setting.key());
        let below = |known: &'static str| match path {
            "" => known.split('.').next(),
            _ => known.strip_prefix(path)?.strip_prefix('.'),
        };
        let mut known: Vec<&str> = keys.chain(self.known.keys().filter_map(|known| below(known))).collect();
        known.retain(|key| !key.is_empty());
        known.dedup();
        let known: Vec<String> = known.into_iter().map(|key| format!("`{key}`")).collect();
        let table = if path.is_empty() { String::new() } else { format!(" in `[{path}]`") };
        refused(format!("{place}: unknown key `{key}`{table}; the known ones are {}", known.join(", ")))
    }
}
