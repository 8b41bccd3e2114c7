//! [`Rules`]: the names and patterns that redaction searches for, and the bounds on its work.

use super::names::SensitiveNames;

/// The JSON value that takes the place of a value that was taken out.
pub(super) const REDACTED: &str = r#""[redacted]""#;

/// The text that takes the place of a secret inside of a string.
pub(super) const REPLACEMENT: &str = "[redacted]";

/// Values may be nested so deep; it is what serde_json reads, here and in most callers.
pub(super) const MAX_DEPTH: usize = 127;

/// The value cannot be gone through: it is nested too deep, has too many parts, or is no text in places.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::journal) struct Unreadable;

/// The names and patterns to look for, and the bound on the work.
#[derive(Debug)]
pub(in crate::journal) struct Rules<'a> {
    pub(super) names: &'a SensitiveNames,
    /// True if secrets are looked for inside of strings.
    pub(super) looks_inside: bool,
    /// The number of values, members and schemas that may be looked at.
    pub(super) max_parts: usize,
}

impl Rules<'static> {
    /// Nothing is looked for.
    pub(in crate::journal) fn none() -> Self {
        static NONE: std::sync::LazyLock<SensitiveNames> = std::sync::LazyLock::new(SensitiveNames::none);
        Self { names: &NONE, looks_inside: false, max_parts: usize::MAX }
    }
}

impl<'a> Rules<'a> {
    /// Looks for names and for secrets in texts, in values of up to so many bytes. One part for four bytes is enough for all but lists
    /// of single digits.
    pub(in crate::journal) fn of(names: &'a SensitiveNames, max_bytes: usize) -> Self {
        Self { names, looks_inside: true, max_parts: (max_bytes / 4).max(1024) }
    }
}
