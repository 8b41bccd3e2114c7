//! [`SchemaChange`]: tells whether a rewritten schema accepts the same values or more. [`Side`] tells whether a schema is of arguments or
//! of results.

/// The side of a tool that a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Values that a client writes.
    Arguments,
    /// Values that a client reads: each that may occur has to be described.
    Result,
}

/// The difference between a schema and its portable form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemaChange {
    /// Values that fitted still fit, and no others.
    Same,
    /// More values fit.
    Looser,
}

impl SchemaChange {
    pub(super) fn and(self, other: Self) -> Self {
        if self == Self::Looser { self } else { other }
    }
}
