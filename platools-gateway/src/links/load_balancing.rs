//! [`choose`]: draws two suitable links of a pool at random, and returns the one with fewer calls. `routing` asks it for the link of each
//! call.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// Random tries to find a link that is suitable, before all of them are looked at.
const TRIES: usize = 8;

/// Picks two of the suitable links at random, and returns the one with less load.
///
/// The choice of two keeps the load nearly as even as a look at all links does, at the cost of two, and spreads calls over links
/// that are equally loaded.
pub(super) fn choose<T>(links: &[T], is_suitable: impl Fn(&T) -> bool, load: impl Fn(&T) -> usize) -> Option<&T> {
    let pick = |except| pick(links.len(), |index| Some(index) != except && links.get(index).is_some_and(&is_suitable));
    let first = pick(None)?;
    let second = pick(Some(first)).unwrap_or(first);
    let (first, second) = (links.get(first)?, links.get(second)?);
    Some(if load(second) < load(first) { second } else { first })
}

/// A random suitable index, each as likely as the others.
fn pick(count: usize, is_suitable: impl Fn(usize) -> bool) -> Option<usize> {
    let mut tries = (0..TRIES).filter_map(|_| random_below(count));
    tries.find(|index| is_suitable(*index)).or_else(|| {
        let suitable: Vec<_> = (0..count).filter(|index| is_suitable(*index)).collect();
        random_below(suitable.len()).and_then(|index| suitable.get(index).copied())
    })
}

/// A random number below `count`; `None` if that is 0. It costs no system call, and is good enough to spread load.
fn random_below(count: usize) -> Option<usize> {
    let random = u128::from(RandomState::new().build_hasher().finish());
    usize::try_from((random * count as u128) >> u64::BITS).ok().filter(|index| *index < count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of choices of each link in 2,000 calls.
    fn chosen(links: &[(bool, usize)]) -> Vec<usize> {
        let indexed: Vec<_> = links.iter().copied().enumerate().collect();
        let mut times = vec![0; links.len()];
        for _ in 0..2000 {
            let (index, _) = choose(&indexed, |(_, (suitable, _))| *suitable, |(_, (_, load))| *load).unwrap();
            times[*index] += 1;
        }
        times
    }

    #[test]
    fn calls_spread_over_links_that_are_equally_loaded() {
        // Each is chosen 400 times of 2,000 on average. Fewer than 200 are less likely than 1 in 10^25.
        assert!(chosen(&[(true, 3); 5]).into_iter().all(|times| times > 200));
    }

    #[test]
    fn calls_spread_over_the_few_that_are_suitable() {
        let mut links = vec![(false, 0); 100];
        (links[98], links[99]) = ((true, 0), (true, 0));
        let times = chosen(&links);
        assert!(times[98] > 700 && times[99] > 700, "{times:?}");
        assert_eq!(times[98] + times[99], 2000);
    }

    #[test]
    fn the_less_loaded_of_two_is_chosen() {
        assert_eq!(chosen(&[(true, 1), (true, 0)]), [0, 2000]);
        // The most loaded of several is never less loaded than the other one of its pair.
        let times = chosen(&[(true, 2), (true, 1), (true, 0)]);
        assert!(times[0] == 0 && times[1] < times[2], "{times:?}");
    }

    #[test]
    fn without_a_suitable_link_there_is_no_choice() {
        assert_eq!(choose(&[1, 2, 3], |_| false, |_| 0), None);
        assert_eq!(choose::<u8>(&[], |_| true, |_| 0), None);
    }
}
