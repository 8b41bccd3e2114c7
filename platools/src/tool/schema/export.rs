//! A tool as each consumer of schemas wants it.

/// Whose form of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// The platform's own.
    Platform,
}
