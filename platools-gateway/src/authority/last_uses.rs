//! [`LastUses`]: keeps the time of the last use of each key and token in memory, until a batch of these times is stored.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::domain::identity::Credential;
use crate::domain::lock::lock;

/// Last uses of keys, and of tokens by their `jti`. Bounded by the number of keys and tokens in use.
#[derive(Debug, Default)]
pub(crate) struct LastUses(Mutex<HashMap<String, LastUse>>);

#[derive(Debug)]
struct LastUse {
    at_ms: i64,
    is_written: bool,
}

impl LastUses {
    /// Notes the use of a key or token. Other credentials are passed over.
    pub(crate) fn note(&self, credential: &Credential, now_ms: i64) {
        let id = match credential {
            Credential::Key(id) => id.as_str(),
            Credential::Token { id, .. } => id,
            Credential::Secret(_) | Credential::Application { .. } | Credential::Nothing => return,
        };
        let mut uses = self.lock();
        match uses.get_mut(id) {
            Some(known) if known.at_ms >= now_ms => {}
            Some(known) => *known = LastUse { at_ms: now_ms, is_written: false },
            None => drop(uses.insert(id.to_owned(), LastUse { at_ms: now_ms, is_written: false })),
        }
    }

    /// The last use of a key or token, in milliseconds since 1970, if it is in memory.
    pub(crate) fn of(&self, id: &str) -> Option<i64> {
        self.lock().get(id).map(|known| known.at_ms)
    }

    /// The uses that are not in the database yet.
    pub(crate) fn unwritten(&self) -> Vec<(String, i64)> {
        let uses = self.lock();
        let unwritten = uses.iter().filter(|(_, known)| !known.is_written);
        unwritten.map(|(id, known)| (id.clone(), known.at_ms)).collect()
    }

    /// Notes that uses are in the database, and forgets those that were there before and are not wanted in memory.
    pub(crate) fn written(&self, written: &[(String, i64)], is_wanted: impl Fn(&str) -> bool) {
        let mut uses = self.lock();
        for (id, at_ms) in written {
            if let Some(known) = uses.get_mut(id).filter(|known| known.at_ms == *at_ms) {
                known.is_written = true;
            }
        }
        uses.retain(|id, known| !known.is_written || is_wanted(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, LastUse>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Credential {
        Credential::Key(id.into())
    }

    #[test]
    fn the_latest_use_counts_and_is_written_once() {
        let uses = LastUses::default();
        for at_ms in [5, 7, 6] {
            uses.note(&key("key_1"), at_ms);
        }
        uses.note(&Credential::Nothing, 9);
        let unwritten = uses.unwritten();
        assert_eq!(unwritten, [("key_1".to_owned(), 7)]);
        uses.written(&unwritten, |_| true);
        assert_eq!((uses.unwritten(), uses.of("key_1")), (Vec::new(), Some(7)));
    }

    #[test]
    fn a_use_during_the_write_is_written_the_next_time() {
        let uses = LastUses::default();
        uses.note(&key("key_1"), 5);
        let unwritten = uses.unwritten();
        uses.note(&key("key_1"), 6);
        uses.written(&unwritten, |_| false);
        assert_eq!(uses.unwritten(), [("key_1".to_owned(), 6)]);
    }

    #[test]
    fn written_uses_of_what_is_gone_are_forgotten() {
        let uses = LastUses::default();
        uses.note(&key("key_1"), 5);
        uses.written(&uses.unwritten(), |id| id != "key_1");
        assert_eq!(uses.of("key_1"), None);
    }
}
