//! How much one address or one caller may ask for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};

use super::error::{Error, ErrorKind};
use super::identity::Caller;

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// The limits of a gateway. Twice as much as in a second may come at once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Workers that connect from one address in a second. Default: 500, so that the workers behind one router can all come
    /// back after a restart.
    pub handshakes_per_second: NonZeroU32,
    /// Calls that one key or token makes in a second. Default: 1000.
    pub calls_per_second: NonZeroU32,
    /// Calls of one key or token under way at once. Default: 1000.
    pub calls_in_flight: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("it is not zero");
        Self { handshakes_per_second: number(500), calls_per_second: number(1000), calls_in_flight: number(1000) }
    }
}

/// Keeps to the limits.
pub(crate) struct Limiter {
    handshakes: Keyed<IpAddr>,
    calls: Keyed<String>,
    calls_in_flight: u32,
    in_flight: Arc<Mutex<HashMap<String, u32>>>,
}

/// One call under way. Dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct UnderWay {
    in_flight: Arc<Mutex<HashMap<String, u32>>>,
    caller: String,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            handshakes: RateLimiter::hashmap(quota(limits.handshakes_per_second)),
            calls: RateLimiter::hashmap(quota(limits.calls_per_second)),
            calls_in_flight: limits.calls_in_flight.get(),
            in_flight: Arc::default(),
        }
    }

    /// Lets a worker try to connect, or says how long it is to wait.
    pub(crate) fn handshake(&self, from: IpAddr) -> Result<(), Duration> {
        self.handshakes.check_key(&from).map_err(|until| wait(&until))
    }

    /// Lets a caller begin a call.
    pub(crate) fn call(&self, caller: &Caller) -> Result<UnderWay, Error> {
        let caller = caller.credential.to_string();
        self.calls.check_key(&caller).map_err(|until| too_much("too many calls in a second", wait(&until)))?;
        let mut in_flight = lock(&self.in_flight);
        let calls = in_flight.entry(caller.clone()).or_default();
        if *calls >= self.calls_in_flight {
            return Err(too_much("too many calls are under way", Duration::from_secs(1)));
        }
        *calls += 1;
        drop(in_flight);
        Ok(UnderWay { in_flight: Arc::clone(&self.in_flight), caller })
    }

    /// Forgets whoever has not come for a while.
    pub(crate) fn sweep(&self) {
        self.handshakes.retain_recent();
        self.handshakes.shrink_to_fit();
        self.calls.retain_recent();
        self.calls.shrink_to_fit();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut in_flight = lock(&self.in_flight);
        if let Some(calls) = in_flight.get_mut(&self.caller) {
            *calls -= 1;
            if *calls == 0 {
                in_flight.remove(&self.caller);
            }
        }
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}

fn quota(per_second: NonZeroU32) -> Quota {
    Quota::per_second(per_second).allow_burst(per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)))
}

fn wait<P: governor::clock::Reference>(until: &NotUntil<P>) -> Duration
where
    DefaultClock: governor::clock::Clock<Instant = P>,
{
    until.wait_time_from(DefaultClock::default().now())
}

fn too_much(message: &str, wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, format!("{message}; try again later")).retry_after(wait)
}

fn lock(in_flight: &Mutex<HashMap<String, u32>>) -> MutexGuard<'_, HashMap<String, u32>> {
    // Every section leaves the table whole, so a panic in another task spoils nothing.
    in_flight.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(calls_per_second: u32, calls_in_flight: u32) -> Limits {
        let number = |number| NonZeroU32::new(number).unwrap();
        Limits {
            handshakes_per_second: number(2),
            calls_per_second: number(calls_per_second),
            calls_in_flight: number(calls_in_flight),
        }
    }

    #[test]
    fn each_address_has_a_limit_of_its_own() {
        let limiter = Limiter::new(&limits(1, 1));
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        for _ in 0..4 {
            limiter.handshake(one).unwrap();
        }
        assert!(limiter.handshake(one).unwrap_err() <= Duration::from_millis(500));
        limiter.handshake(other).unwrap();
    }

    #[test]
    fn each_caller_has_a_limit_of_its_own() {
        let limiter = Limiter::new(&limits(1, 100));
        let _first: Vec<_> = (0..2).map(|_| limiter.call(&Caller::sample("key_1")).unwrap()).collect();
        let refused = limiter.call(&Caller::sample("key_1")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
        assert!(refused.wait().unwrap() <= Duration::from_secs(1));
        limiter.call(&Caller::sample("key_2")).unwrap();
    }

    #[test]
    fn a_call_that_ends_makes_room() {
        let limiter = Limiter::new(&limits(100, 2));
        let first = limiter.call(&Caller::sample("key_1")).unwrap();
        let _second = limiter.call(&Caller::sample("key_1")).unwrap();
        assert_eq!(limiter.call(&Caller::sample("key_1")).unwrap_err().kind(), ErrorKind::RateLimited);
        drop(first);
        limiter.call(&Caller::sample("key_1")).unwrap();
        assert!(lock(&limiter.in_flight).contains_key("key_1"));
    }
}
