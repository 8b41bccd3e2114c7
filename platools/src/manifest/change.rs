//! [`ManifestChange`]: holds a change of one tool, with its [`Compatibility`] for callers.

use std::fmt;

use serde::Serialize;

/// A change of one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ManifestChange {
    /// The name of the tool.
    pub tool: String,
    /// The change in words.
    pub text: String,
    /// Tells whether callers notice it.
    pub compatibility: Compatibility,
}

impl ManifestChange {
    pub(super) fn breaking(tool: &str, text: String) -> Self {
        Self { tool: tool.to_owned(), text, compatibility: Compatibility::Breaking }
    }

    pub(super) fn compatible(tool: &str, text: String) -> Self {
        Self { tool: tool.to_owned(), text, compatibility: Compatibility::Compatible }
    }
}

impl fmt::Display for ManifestChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.compatibility.as_str(), self.tool, self.text)
    }
}

/// The effect of changes on callers. A later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compatibility {
    /// There are no changes.
    #[serde(rename = "none")]
    Unchanged,
    /// Callers of the old tools work with the new ones.
    Compatible,
    /// Callers of the old tools may fail, or get results that they do not know.
    Breaking,
}

impl Compatibility {
    /// The word for it: `none`, `compatible` or `breaking`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "none",
            Self::Compatible => "compatible",
            Self::Breaking => "breaking",
        }
    }
}
