//! [`Diagnosis`]: tells whether a failed statement may succeed later, and whether the whole database failed.

/// The meaning of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// The same statement may succeed soon.
    Busy,
    /// The database ended the transaction in favor of another. The same transaction may succeed at once.
    Conflict,
    /// The deadline of the statement passed.
    Interrupted,
    /// The database takes nothing at the moment. The text says why, and what to do.
    Database(&'static str),
    /// The database refused this statement, and may take others.
    Statement,
}

/// The message of a failure that has no other.
pub(super) const FAILED: &str = "the gateway's database failed";
