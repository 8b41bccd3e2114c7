//! [`SharedMap`]: a map of the directory in parts. A copy shares all parts, and a change copies only one of them, so that a new revision
//! costs little.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::iter::zip;
use std::sync::Arc;

/// Parts of a table. A change copies one of them.
const PARTS: usize = 64;

/// A map in parts. A copy shares all parts, and a change copies the one part it is in, so a new version of a large table costs little.
/// Values should be cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct SharedMap<K, V> {
    parts: Vec<Arc<HashMap<K, V>>>,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Arc::default()).collect() }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> SharedMap<K, V> {
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.parts[part(key)].get(key)
    }

    pub(super) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed; a default value if there is none.
    pub(super) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        Arc::make_mut(&mut self.parts[part(&key)]).entry(key).or_default()
    }

    pub(super) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if self.contains(key) { Arc::make_mut(&mut self.parts[part(key)]).get_mut(key) } else { None }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        Arc::make_mut(&mut self.parts[part(&key)]).insert(key, value);
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if self.contains(key) { Arc::make_mut(&mut self.parts[part(key)]).remove(key) } else { None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// The keys whose value is another one than in another version of the table. Parts that both share are passed over.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a K>
    where
        V: PartialEq,
    {
        let parts = zip(&self.parts, &before.parts).filter(|(now, before)| !Arc::ptr_eq(now, before));
        parts.flat_map(|(now, before)| {
            let other = now.iter().filter(|(key, value)| before.get(*key) != Some(*value)).map(|(key, _)| key);
            other.chain(before.keys().filter(|key| !now.contains_key(*key)))
        })
    }
}

fn part(key: &(impl Hash + ?Sized)) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    usize::try_from(hash % PARTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_the_earlier_version_and_the_other_parts_alone() {
        let mut table = SharedMap::default();
        (0..1000).for_each(|number| table.insert(number, number));
        let before = table.clone();
        table.insert(17, 0);
        assert_eq!(table.remove(&18), Some(18));
        assert_eq!(table.remove(&5000), None);
        *table.get_mut(&19).unwrap() = 1;
        assert_eq!((before.get(&17), before.get(&18), table.get(&18)), (Some(&17), Some(&18), None));
        let shared = zip(&table.parts, &before.parts).filter(|(now, before)| Arc::ptr_eq(now, before)).count();
        assert!((PARTS - 3..PARTS).contains(&shared), "{shared}");
        let mut changed: Vec<_> = table.changed_since(&before).copied().collect();
        changed.sort_unstable();
        assert_eq!(changed, [17, 18, 19]);
        assert!(before.clone().changed_since(&before).next().is_none());
    }
}
