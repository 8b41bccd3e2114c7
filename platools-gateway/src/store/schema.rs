//! [`Schema`]: compares the version of a database's tables with the version that this program needs.

use std::collections::BTreeSet;

use sqlx::migrate::Migration;

use crate::domain::error::{Error, ErrorKind};

pub(super) const NO_GATEWAYS: &str = "the file is a database, but not a gateway's";

/// A database's schema, compared with this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    /// There is nothing in it.
    Empty,
    /// It is another program's.
    Foreign,
    Current,
    /// Made by an earlier version of the program. The number is that of its last step.
    Older(i64),
    /// Made by a later version.
    Newer(i64),
}

impl Schema {
    /// Compares the steps that were taken in a database with this program's. `is_empty` says whether it has no tables beside theirs.
    pub(super) fn compare(applied: &BTreeSet<i64>, is_empty: bool, steps: &[Migration]) -> Self {
        let known: BTreeSet<_> = steps.iter().map(|step| step.version).collect();
        match applied.last() {
            None if is_empty => Self::Empty,
            None => Self::Foreign,
            Some(&last) if !applied.is_subset(&known) => Self::Newer(last),
            Some(&last) if *applied != known => Self::Older(last),
            Some(_) => Self::Current,
        }
    }

    /// Refuses data of any other version than this program's.
    pub(super) fn check_usable(self, steps: &[Migration]) -> Result<(), Error> {
        let own = last(steps);
        let message = match self {
            Self::Current => return Ok(()),
            Self::Empty | Self::Foreign => NO_GATEWAYS.to_owned(),
            Self::Older(version) => format!(
                "the data has version {version}, and this program needs version {own}: use the program that the gateway was started with, or \
                 stop the gateway and run `platools-gateway upgrade`"
            ),
            Self::Newer(version) => format!(
                "the data has version {version}, and this program knows only versions up to {own}: use the newer program, or stop the gateway \
                 and go back with the newer program's `platools-gateway downgrade` or with `platools-gateway restore` and a backup"
            ),
        };
        Err(Error::new(ErrorKind::Storage, message))
    }

    /// Refuses data of later versions, and lets earlier ones pass, which an upgrade brings up.
    pub(super) fn check_usable_or_older(self, steps: &[Migration]) -> Result<(), Error> {
        if matches!(self, Self::Older(_)) { Ok(()) } else { self.check_usable(steps) }
    }
}

/// The version that these steps lead to.
pub(super) fn last(steps: &[Migration]) -> i64 {
    steps.iter().map(|step| step.version).max().unwrap_or(0)
}
