//! [`DepartedTools`]: the tools of a link that left a pool. They stay in the catalog for a while.

use std::sync::Arc;

use tokio::time::Instant;

use crate::catalog::{DeclaredTools, GRACE};

/// Sets of tools that are kept of links of one scope that have just gone. The oldest make room.
pub(super) const GONE_SETS: usize = 1000;

/// Bytes of the declarations in these sets.
pub(super) const GONE_BYTES: usize = 32 * 1024 * 1024;

/// The tools of links of a pool that have ended.
#[derive(Debug)]
pub(super) struct DepartedTools {
    pub(super) declared: Arc<DeclaredTools>,
    pub(super) since: Instant,
}

impl DepartedTools {
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= GRACE
    }
}

/// Keeps the tools of a link that ended, within the bounds.
pub(super) fn keep_gone(gone: &mut Vec<DepartedTools>, declared: Arc<DeclaredTools>, now: Instant) {
    gone.retain(|other| !other.is_over(now) && !Arc::ptr_eq(&other.declared, &declared));
    gone.push(DepartedTools { declared, since: now });
    let mut bytes = 0_usize;
    let fit = gone.iter().rev().take(GONE_SETS).take_while(|gone| {
        bytes = bytes.saturating_add(gone.declared.bytes());
        bytes <= GONE_BYTES
    });
    let excess = gone.len() - fit.count();
    gone.drain(..excess);
}
