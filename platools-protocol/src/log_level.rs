//! [`LogLevel`]: names the severity of a log entry that a call sends to its caller.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The severity of a log entry, from least to most: the levels of RFC 5424, which the Model Context Protocol has too.
///
/// ```
/// use platools_protocol::LogLevel;
///
/// assert!(LogLevel::Warning > LogLevel::Info);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Details for debugging.
    Debug,
    /// A usual event.
    Info,
    /// A rare event.
    Notice,
    /// An event that may become a problem.
    Warning,
    /// A failure.
    Error,
    /// A failure of something that others need.
    Critical,
    /// A failure that needs action at once.
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
