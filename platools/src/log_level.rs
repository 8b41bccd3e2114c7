//! How much an entry of a log matters.

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
