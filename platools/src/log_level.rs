//! How much an entry of a log matters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much an entry of a log matters, from least to most: the levels of RFC 5424, which the Model Context Protocol has too.
///
/// ```
/// use platools::LogLevel;
///
/// assert!(LogLevel::Warning > LogLevel::Info);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For whoever looks for a mistake.
    Debug,
    /// What happens.
    Info,
    /// What happens seldom.
    Notice,
    /// What may become a problem.
    Warning,
    /// What went wrong.
    Error,
    /// What went wrong with something that others need.
    Critical,
    /// What somebody has to see to at once.
    Alert,
    /// Nothing works any more.
    Emergency,
}

impl LogLevel {
    /// The word that travels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_one_name() {
        for level in [LogLevel::Debug, LogLevel::Notice, LogLevel::Emergency] {
            assert_eq!(serde_json::json!(level), level.to_string());
        }
    }
}
