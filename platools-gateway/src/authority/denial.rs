//! [`Denial`]: the reason why [`authorize`](super::authorize) refuses a caller: its role is too low, it may not use the resource, or it may
//! not even know of it.

use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Role;

/// The reason why a caller may not see or do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// The role is too low.
    Role {
        /// The lowest role that would do.
        needed: Role,
        /// The caller's own role.
        present: Role,
    },
    /// The caller may know of the resource and not use it. The text says what it lacks.
    Forbidden(String),
    /// The caller must not learn that the resource exists.
    Hidden,
}

impl Denial {
    /// The error for a resource that may be hidden; `missing` makes the one for a resource that does not exist.
    pub(crate) fn or_missing(self, missing: impl FnOnce() -> Error) -> Error {
        match self {
            Self::Hidden => missing(),
            denial => denial.into(),
        }
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Role { needed, present } => {
                let message = format!("this needs the role {needed}; the key or token has {present}");
                Self::new(ErrorKind::Forbidden, message)
            }
            Denial::Forbidden(message) => Self::new(ErrorKind::Forbidden, message),
            Denial::Hidden => Self::new(ErrorKind::NotFound, "there is nothing of that name"),
        }
    }
}
