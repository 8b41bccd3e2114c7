//! `MemoryBudget`: bounds the bytes of request bodies and waiting messages that the gateway holds, in total and for each credential or
//! address.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::lock::lock;

/// The time that a client with too much at once is told to wait, as it is unknown when a part of it ends.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// Bytes of each request or message that are not counted, so that short ones do not meet at one lock.
const UNCOUNTED: u64 = 4 * 1024;

/// The bytes of requests, or of messages, that may be held at the same time.
#[derive(Debug)]
pub(super) struct MemoryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: u64,
    /// The most for one owner.
    each: u64,
    held: Mutex<Held>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    bytes: u64,
    by_owner: HashMap<String, u64>,
}

/// The bytes of one request or message that count against the budget until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    shared: Arc<Shared>,
    /// A credential or an address.
    owner: String,
    /// All bytes so far.
    length: u64,
    counted: u64,
}

/// The refusal of bytes that the budget has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverBudget;

impl OverBudget {
    /// The time after which a try may succeed.
    pub(crate) const RETRY_AFTER: Duration = SOON;
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the gateway is busy: it holds as many bytes of requests and responses as it may; try again later")
    }
}

impl std::error::Error for OverBudget {}

impl MemoryBudget {
    /// A budget of `total` bytes, half of them for each owner. A single request of `longest` bytes always fits.
    pub(super) fn new(total: u64, longest: u64) -> Self {
        let total = total.max(longest);
        let each = (total / 2).max(longest);
        Self(Arc::new(Shared { total, each, held: Mutex::default(), refused: AtomicU64::new(0) }))
    }

    /// Begins to count one request of an owner.
    pub(super) fn begin(&self, owner: String) -> HeldBytes {
        HeldBytes { shared: Arc::clone(&self.0), owner, length: 0, counted: 0 }
    }

    /// Counts a whole message for an owner; nothing for a short one. One that is longer than all that its owner may hold counts as
    /// that much, so that it can be held when nothing else is.
    pub(super) fn hold(&self, owner: &str, bytes: usize) -> Result<Option<HeldBytes>, OverBudget> {
        if bytes as u64 <= UNCOUNTED {
            return Ok(None);
        }
        let mut held = self.begin(owner.to_owned());
        let bytes = bytes.min(usize::try_from(self.0.each).unwrap_or(usize::MAX));
        held.add(bytes).map(|()| Some(held))
    }

    /// The number of refusals so far.
    pub(super) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    fn held(&self) -> u64 {
        lock(&self.0.held).bytes
    }
}

impl Shared {
    fn take(&self, owner: &str, bytes: u64) -> Result<(), OverBudget> {
        let mut held = lock(&self.held);
        let theirs = held.by_owner.get(owner).copied().unwrap_or_default();
        if held.bytes + bytes > self.total || theirs + bytes > self.each {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(OverBudget);
        }
        held.bytes += bytes;
        held.by_owner.insert(owner.to_owned(), theirs + bytes);
        Ok(())
    }

    fn give_back(&self, owner: &str, bytes: u64) {
        let mut held = lock(&self.held);
        held.bytes -= bytes;
        if let Some(theirs) = held.by_owner.get_mut(owner) {
            *theirs -= bytes;
            if *theirs == 0 {
                held.by_owner.remove(owner);
            }
        }
    }
}

impl HeldBytes {
    /// Counts further bytes.
    ///
    /// # Errors
    /// The budget has no room for them.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let length = self.length + bytes as u64;
        if length > UNCOUNTED {
            let more = length - self.counted;
            self.shared.take(&self.owner, more)?;
            self.counted = length;
        }
        self.length = length;
        Ok(())
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        if self.counted > 0 {
            self.shared.give_back(&self.owner, self.counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn bytes_are_held_until_their_request_is_dropped() {
        let budget = MemoryBudget::new(100 * 1024, 0);
        let mut request = budget.begin("a".to_owned());
        request.add(4 * KIB).unwrap();
        assert_eq!(budget.held(), 0, "short requests are not counted");
        request.add(40 * KIB).unwrap();
        assert_eq!(budget.held(), 44 * 1024);
        drop(request);
        assert_eq!((budget.held(), budget.refused()), (0, 0));
        assert!(lock(&budget.0.held).by_owner.is_empty());
    }

    #[test]
    fn one_owner_holds_half_at_most_and_all_together_no_more_than_the_total() {
        let budget = MemoryBudget::new(100 * 1024, 0);
        let holds = |owner: &str, kib: usize| {
            let mut request = budget.begin(owner.to_owned());
            request.add(kib * KIB).map(|()| request)
        };
        let _a = holds("a", 50).unwrap();
        assert_eq!(holds("a", 5).unwrap_err(), OverBudget);
        let b = holds("b", 40).unwrap();
        holds("c", 11).unwrap_err();
        let _c = holds("c", 10).unwrap();
        drop(b);
        holds("d", 40).unwrap();
        assert_eq!(budget.refused(), 2);
    }

    #[test]
    fn a_message_of_any_length_can_be_held_when_nothing_else_is() {
        let budget = MemoryBudget::new(100 * 1024, 0);
        assert!(budget.hold("a", 4 * KIB).unwrap().is_none());
        let held = budget.hold("a", 1000 * KIB).unwrap();
        assert!(held.is_some());
        assert_eq!(budget.hold("a", 5 * KIB).unwrap_err(), OverBudget);
        drop(held);
        budget.hold("a", 5 * KIB).unwrap();
    }

    #[test]
    fn the_longest_request_fits_into_any_budget() {
        let budget = MemoryBudget::new(1, 8 * 1024 * 1024);
        budget.begin("a".to_owned()).add(8 * 1024 * KIB).unwrap();
    }
}
