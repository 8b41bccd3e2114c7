//! How much one address, one caller or one entity may ask for.

mod places;
mod rate;

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::{Error, ErrorKind};
use super::identity::{Caller, Policy};
use super::ids::EntityId;
use places::Places;
use rate::Rate;

pub(crate) use places::Place;

/// A request may have a body of so many bytes: 8 MiB. With its envelopes it must still fit into a worker's frame.
pub const MAX_BODY_BYTES: u32 = 8 * 1024 * 1024;

/// How long whoever has too much at once is told to wait, as nobody knows when some of it ends.
const SOON: Duration = Duration::from_secs(1);

/// The limits of a gateway. Of what is so much in a second, twice as much may come at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Of those who connect from one address.
    pub address: AddressLimits,
    /// Of those who call with one key or token.
    pub key: KeyLimits,
    /// Of one entity.
    pub entity: EntityLimits,
}

/// How much one address may ask for: one IPv4 address, or one /64 network of IPv6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AddressLimits {
    /// Connections at once, of workers and of callers. Default: 4096.
    pub connections: NonZeroU32,
    /// Workers that connect in a second. Default: 500, so that the workers behind one router can all come back after a restart.
    pub handshakes_per_second: NonZeroU32,
    /// Wrong secrets, keys and tokens in a minute. Whoever brings more is told to wait instead of what is wrong; those that
    /// are good are never turned away for the sake of others from the same address. Default: 60.
    pub failures_per_minute: NonZeroU32,
}

/// How much one key or token may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct KeyLimits {
    /// Calls in a second. Default: 1000.
    pub calls_per_second: NonZeroU32,
    /// Calls under way at once. Default: 1000.
    pub calls_in_flight: NonZeroU32,
    /// Bytes of a request's body, at most [`MAX_BODY_BYTES`]; a larger number means as much. Default: [`MAX_BODY_BYTES`].
    pub body_bytes: NonZeroU32,
}

/// How much may be asked of one entity, whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EntityLimits {
    /// Workers at once, where all stay ([`Policy::Pool`]). Default: 1000.
    pub connections: NonZeroU32,
    /// Workers that connect in a second. Default: 500.
    pub handshakes_per_second: NonZeroU32,
    /// Calls in a second. Default: 10,000.
    pub calls_per_second: NonZeroU32,
    /// Calls under way at once. Default: 10,000.
    pub calls_in_flight: NonZeroU32,
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self { connections: number(4096), handshakes_per_second: number(500), failures_per_minute: number(60) }
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self { calls_per_second: number(1000), calls_in_flight: number(1000), body_bytes: number(MAX_BODY_BYTES) }
    }
}

impl Default for EntityLimits {
    fn default() -> Self {
        Self {
            connections: number(1000),
            handshakes_per_second: number(500),
            calls_per_second: number(10_000),
            calls_in_flight: number(10_000),
        }
    }
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default is not zero")
}

/// Keeps to the limits.
pub(crate) struct Limiter {
    connections: Places<IpAddr>,
    /// So many more are told that there are too many, before connections are closed without a word.
    turned_away: Places<IpAddr>,
    handshakes: Rate<IpAddr>,
    failures: Rate<IpAddr>,
    calls: Rate<String>,
    calls_in_flight: Places<String>,
    body_bytes: usize,
    workers: Places<EntityId>,
    entity_handshakes: Rate<EntityId>,
    entity_calls: Rate<EntityId>,
    entity_calls_in_flight: Places<EntityId>,
}

/// What to do with a connection. The place is to be kept for as long as the connection.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Answer what it asks.
    Serve(Place<IpAddr>),
    /// Answer that there are too many.
    TurnAway(Place<IpAddr>),
    /// Close it at once.
    Drop,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        let Limits { address, key, entity } = limits;
        Self {
            connections: Places::new(address.connections),
            turned_away: Places::new(address.connections),
            handshakes: Rate::per_second(address.handshakes_per_second),
            failures: Rate::per_minute(address.failures_per_minute),
            calls: Rate::per_second(key.calls_per_second),
            calls_in_flight: Places::new(key.calls_in_flight),
            body_bytes: key.body_bytes.get().min(MAX_BODY_BYTES) as usize,
            workers: Places::new(entity.connections),
            entity_handshakes: Rate::per_second(entity.handshakes_per_second),
            entity_calls: Rate::per_second(entity.calls_per_second),
            entity_calls_in_flight: Places::new(entity.calls_in_flight),
        }
    }

    /// What to do with a connection.
    pub(crate) fn connection(&self, from: IpAddr) -> Admission {
        let from = origin(from);
        if let Some(place) = self.connections.take(from) {
            return Admission::Serve(place);
        }
        self.turned_away.take(from).map_or(Admission::Drop, Admission::TurnAway)
    }

    /// Lets a worker try to connect, or says how long it is to wait.
    pub(crate) fn handshake(&self, from: IpAddr) -> Result<(), Duration> {
        self.handshakes.take(&origin(from))
    }

    /// Counts a worker's wrong secret, or says how long whoever brought it is to wait.
    pub(crate) fn failure(&self, from: IpAddr) -> Result<(), Duration> {
        self.failures.take(&origin(from))
    }

    /// Counts a caller's wrong key or token like a worker's wrong secret.
    pub(crate) fn failed_call(&self, from: IpAddr) -> Result<(), Error> {
        self.failure(from).map_err(|wait| too_much("too many failed attempts from this address", wait))
    }

    /// Lets a worker of an entity in, for as long as the place is kept, or says how long it is to wait.
    pub(crate) fn worker(&self, entity: &EntityId, policy: Policy) -> Result<Option<Place<EntityId>>, Duration> {
        self.entity_handshakes.take(entity)?;
        match policy {
            Policy::Pool => self.workers.take(entity.clone()).ok_or(SOON).map(Some),
            // There is one in each environment, and the one before it goes.
            Policy::Supersede => Ok(None),
        }
    }

    /// Lets a caller begin a call.
    pub(crate) fn call(&self, caller: &Caller) -> Result<Place<String>, Error> {
        let caller = caller.credential.to_string();
        self.calls.take(&caller).map_err(|wait| too_much("too many calls in a second", wait))?;
        self.calls_in_flight.take(caller).ok_or_else(|| too_much("too many calls are under way", SOON))
    }

    /// Lets a call of an entity's tool begin.
    pub(crate) fn call_of(&self, entity: &EntityId) -> Result<Place<EntityId>, Error> {
        let too_many = |wait| too_much("too many calls of this entity's tools in a second", wait);
        self.entity_calls.take(entity).map_err(too_many)?;
        let too_many = || too_much("too many calls of this entity's tools are under way", SOON);
        self.entity_calls_in_flight.take(entity.clone()).ok_or_else(too_many)
    }

    /// A request's body may have so many bytes.
    pub(crate) fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Forgets whoever has not come for a while.
    pub(crate) fn sweep(&self) {
        self.handshakes.sweep();
        self.failures.sweep();
        self.calls.sweep();
        self.entity_handshakes.sweep();
        self.entity_calls.sweep();
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}

/// Where somebody comes from. Whoever has one IPv6 address has the whole network of 64 bits.
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

fn too_much(message: &str, wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, format!("{message}; try again later")).retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(change: impl FnOnce(&mut Limits)) -> Limiter {
        let mut limits = Limits::default();
        change(&mut limits);
        Limiter::new(&limits)
    }

    #[test]
    fn each_address_has_a_limit_of_its_own() {
        let limiter = limiter(|limits| limits.address.handshakes_per_second = number(2));
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        for _ in 0..4 {
            limiter.handshake(one).unwrap();
        }
        assert!(limiter.handshake(one).unwrap_err() <= Duration::from_millis(500));
        limiter.handshake(other).unwrap();
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let origin = |address: &str| origin(address.parse().unwrap());
        assert_eq!(origin("2001:db8::1"), origin("2001:db8:0:0:ffff::2"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
        assert_ne!(origin("10.0.0.1"), origin("10.0.0.2"));
    }

    #[test]
    fn each_caller_has_a_limit_of_its_own() {
        let limiter = limiter(|limits| limits.key.calls_per_second = number(1));
        let _first: Vec<_> = (0..2).map(|_| limiter.call(&Caller::sample("key_1")).unwrap()).collect();
        let refused = limiter.call(&Caller::sample("key_1")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
        assert!(refused.wait().unwrap() <= Duration::from_secs(1));
        limiter.call(&Caller::sample("key_2")).unwrap();
    }

    #[test]
    fn a_body_never_gets_longer_than_a_frame_can_carry() {
        assert_eq!(limiter(|limits| limits.key.body_bytes = NonZeroU32::MAX).body_bytes(), MAX_BODY_BYTES as usize);
        assert_eq!(limiter(|limits| limits.key.body_bytes = number(10)).body_bytes(), 10);
    }

    #[test]
    fn workers_that_replace_each_other_need_no_place() {
        let limiter = limiter(|limits| limits.entity.connections = number(1));
        let entity = EntityId::from("ent");
        let _place = limiter.worker(&entity, Policy::Pool).unwrap();
        assert_eq!(limiter.worker(&entity, Policy::Pool).unwrap_err(), SOON);
        assert!(limiter.worker(&entity, Policy::Supersede).unwrap().is_none());
    }
}
