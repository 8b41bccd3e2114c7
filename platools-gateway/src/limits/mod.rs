//! `Limiter`: applies the limits of addresses, callers, entities and projects.

mod callers;
mod concurrency;
mod gateway_count;
pub(crate) mod gauge;
mod memory_budget;
mod proxies;
mod rate;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Policy};
use crate::domain::ids::EntityId;
use crate::domain::origin::network;
use concurrency::ConcurrencyLimit;
use gateway_count::GatewayCount;
use memory_budget::MemoryBudget;
use memory_budget::SOON;
use proxies::TrustedProxies;
use rate::Rate;

pub use crate::settings::{
    AddressLimits, EntityLimits, KeyLimits, Limits, MAX_BODY_BYTES, Network, ProjectLimits, TotalLimits,
};

pub(crate) use callers::ChatPermits;
pub(crate) use concurrency::ConcurrencyPermit;
pub(crate) use memory_budget::{HeldBytes, OverBudget};

/// Counts the requests, connections and bytes of addresses, callers, entities and projects, and refuses those past their limits.
pub(crate) struct Limiter {
    proxies: TrustedProxies,
    /// The gateways that divide the limits of keys and entities. The limits of addresses and of all callers protect one gateway.
    gateways: GatewayCount,
    connections: ConcurrencyLimit<IpAddr>,
    /// Connections past the limit that get an answer; further ones are closed without it.
    turned_away: ConcurrencyLimit<IpAddr>,
    /// Requests and sockets of addresses that trusted proxies name.
    named_connections: ConcurrencyLimit<IpAddr>,
    handshakes: Rate<IpAddr>,
    failures: Rate<IpAddr>,
    anonymous_requests: Rate<IpAddr>,
    requests: Rate<String>,
    calls: Rate<String>,
    calls_in_flight: ConcurrencyLimit<String>,
    chats: Rate<String>,
    chats_in_flight: ConcurrencyLimit<String>,
    all_chats_in_flight: ConcurrencyLimit<()>,
    body_bytes: usize,
    bodies: MemoryBudget,
    /// Responses and events that wait for slow readers.
    waiting: MemoryBudget,
    /// Events that were dropped because their caller reads too slowly.
    dropped_events: AtomicU64,
    workers: ConcurrencyLimit<EntityId>,
    entity_handshakes: Rate<EntityId>,
    entity_calls: Rate<EntityId>,
    entity_calls_in_flight: ConcurrencyLimit<EntityId>,
    entity_catalog_bytes: usize,
    project: ProjectLimits,
}

/// The decision about a connection. Its permit is kept as long as the connection.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Answer what it asks.
    Serve(ConcurrencyPermit<IpAddr>),
    /// Answer that there are too many.
    TurnAway(ConcurrencyPermit<IpAddr>),
    /// Close it at once.
    Drop,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        let Limits { address, key, entity, project, total, trusted_proxies } = limits;
        let body_bytes = key.body_bytes.get().min(MAX_BODY_BYTES);
        let gateways = GatewayCount::default();
        let rate = |number| Rate::per_second(number).divided(&gateways);
        Self {
            proxies: TrustedProxies::new(trusted_proxies),
            connections: ConcurrencyLimit::new(address.connections),
            turned_away: ConcurrencyLimit::new(address.connections),
            named_connections: ConcurrencyLimit::new(address.connections),
            handshakes: Rate::per_second(address.handshakes_per_second),
            failures: Rate::per_minute(address.failures_per_minute),
            anonymous_requests: Rate::per_second(address.requests_per_second),
            // Clients of some protocols only say in the body that a request is a call, which has a rate of its own.
            requests: rate(key.requests_per_second.max(key.calls_per_second)),
            calls: rate(key.calls_per_second),
            calls_in_flight: ConcurrencyLimit::new(key.calls_in_flight).divided(&gateways),
            chats: rate(key.chats_per_second),
            chats_in_flight: ConcurrencyLimit::new(key.chats_in_flight).divided(&gateways),
            all_chats_in_flight: ConcurrencyLimit::new(total.chats_in_flight),
            body_bytes: body_bytes as usize,
            bodies: MemoryBudget::new(total.body_bytes.get(), body_bytes.into()),
            waiting: MemoryBudget::new(total.waiting_bytes.get(), 0),
            dropped_events: AtomicU64::new(0),
            workers: ConcurrencyLimit::new(entity.connections),
            entity_handshakes: Rate::per_second(entity.handshakes_per_second).divided(&gateways),
            entity_calls: Rate::per_second(entity.calls_per_second).divided(&gateways),
            entity_calls_in_flight: ConcurrencyLimit::new(entity.calls_in_flight).divided(&gateways),
            entity_catalog_bytes: entity.catalog_bytes.get() as usize,
            project: project.clone(),
            gateways,
        }
    }

    /// Divides the limits of keys and entities among so many gateways. What this one has admitted stays.
    pub(crate) fn divide_among(&self, gateways: usize) {
        let gateways = u32::try_from(gateways).ok().and_then(NonZeroU32::new);
        self.gateways.set(gateways.unwrap_or(NonZeroU32::MIN));
    }

    /// Decides about a connection.
    pub(crate) fn admit_connection(&self, from: IpAddr) -> Admission {
        if self.proxies.include(from) {
            return Admission::Serve(self.connections.take_beyond(network(from)));
        }
        let from = network(from);
        if let Some(place) = self.connections.take(from) {
            return Admission::Serve(place);
        }
        self.turned_away.take(from).map_or(Admission::Drop, Admission::TurnAway)
    }

    /// The origin of a request, by the connection's peer and the elements of `X-Forwarded-For`.
    pub(crate) fn origin<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a [u8]>) -> IpAddr {
        self.proxies.origin(peer, forwarded)
    }

    /// Counts a request or a socket that came by way of a trusted proxy among the connections of the address that the proxy
    /// names. Connections without a proxy, and those of proxies for themselves, need no place: `Ok(None)`.
    ///
    /// # Errors
    /// The address has too many.
    pub(crate) fn admit_forwarded(
        &self,
        peer: IpAddr,
        origin: IpAddr,
    ) -> Result<Option<ConcurrencyPermit<IpAddr>>, Error> {
        if !self.proxies.include(peer) || self.proxies.include(origin) {
            return Ok(None);
        }
        let place = self.named_connections.take(network(origin));
        place.map(Some).ok_or_else(|| too_much("there are too many connections from this address", SOON))
    }

    /// Counts a worker's attempt to connect, or says how long it is to wait.
    pub(crate) fn count_handshake(&self, from: IpAddr) -> Result<(), Duration> {
        self.handshakes.take(&network(from))
    }

    /// Counts a worker's wrong secret, or says how long its address is to wait.
    pub(crate) fn count_failure(&self, from: IpAddr) -> Result<(), Duration> {
        self.failures.take(&network(from))
    }

    /// Counts a caller's wrong key or token like a worker's wrong secret.
    pub(crate) fn count_failed_login(&self, from: IpAddr) -> Result<(), Error> {
        self.count_failure(from).map_err(|wait| too_much("too many failed attempts from this address", wait))
    }

    /// Lets a worker of an entity in, for as long as the place is kept, or says how long it is to wait. `elsewhere` workers of the entity are
    /// at other gateways.
    pub(crate) fn admit_worker(
        &self,
        entity: &EntityId,
        policy: Policy,
        elsewhere: usize,
    ) -> Result<Option<ConcurrencyPermit<EntityId>>, Duration> {
        self.entity_handshakes.take(entity)?;
        match policy {
            Policy::Pool => self.workers.take_beside(entity.clone(), elsewhere).ok_or(SOON).map(Some),
            // There is one in each environment, and the one before it goes.
            Policy::Supersede => Ok(None),
        }
    }

    /// Lets a caller begin a call.
    pub(crate) fn admit_call(&self, caller: &Caller) -> Result<ConcurrencyPermit<String>, Error> {
        let caller = caller.credential.to_string();
        self.calls.take(&caller).map_err(|wait| too_much("too many calls in a second", wait))?;
        self.calls_in_flight.take(caller).ok_or_else(|| too_much("too many calls are under way", SOON))
    }

    /// Lets a call to a tool of an entity begin.
    pub(crate) fn admit_call_to(&self, entity: &EntityId) -> Result<ConcurrencyPermit<EntityId>, Error> {
        let too_many = |wait| too_much("too many calls of this entity's tools in a second", wait);
        self.entity_calls.take(entity).map_err(too_many)?;
        let too_many = || too_much("too many calls of this entity's tools are under way", SOON);
        self.entity_calls_in_flight.take(entity.clone()).ok_or_else(too_many)
    }

    /// The limits of one project.
    pub(crate) fn project(&self) -> &ProjectLimits {
        &self.project
    }

    /// Bytes of the tools that one registration may declare.
    pub(crate) fn catalog_bytes(&self) -> usize {
        self.entity_catalog_bytes
    }

    /// A request's body may have so many bytes.
    pub(crate) fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The number of open connections.
    pub(crate) fn open_connections(&self) -> usize {
        self.connections.taken() + self.turned_away.taken()
    }

    /// The refusals of each limit since the start, by the name of its setting.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 16] {
        [
            ("address.connections", self.connections.refused() + self.named_connections.refused()),
            ("address.handshakes_per_second", self.handshakes.refused()),
            ("address.failures_per_minute", self.failures.refused()),
            ("address.requests_per_second", self.anonymous_requests.refused()),
            ("key.requests_per_second", self.requests.refused()),
            ("key.calls_per_second", self.calls.refused()),
            ("key.calls_in_flight", self.calls_in_flight.refused()),
            ("key.chats_per_second", self.chats.refused()),
            ("key.chats_in_flight", self.chats_in_flight.refused()),
            ("entity.connections", self.workers.refused()),
            ("entity.handshakes_per_second", self.entity_handshakes.refused()),
            ("entity.calls_per_second", self.entity_calls.refused()),
            ("entity.calls_in_flight", self.entity_calls_in_flight.refused()),
            ("total.chats_in_flight", self.all_chats_in_flight.refused()),
            ("total.body_bytes", self.bodies.refused()),
            ("total.waiting_bytes", self.waiting.refused()),
        ]
    }

    /// Counts events of callers at `/ws` that did not fit among the messages that wait.
    pub(crate) fn note_dropped_events(&self, events: u64) {
        self.dropped_events.fetch_add(events, Ordering::Relaxed);
    }

    /// The number of events that were dropped since the start.
    pub(crate) fn dropped_events(&self) -> u64 {
        self.dropped_events.load(Ordering::Relaxed)
    }

    /// Forgets keys that made no request for a while.
    pub(crate) fn sweep(&self) {
        self.handshakes.sweep();
        self.failures.sweep();
        self.anonymous_requests.sweep();
        self.requests.sweep();
        self.calls.sweep();
        self.chats.sweep();
        self.entity_handshakes.sweep();
        self.entity_calls.sweep();
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}

fn too_much(message: &str, wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, format!("{message}; try again later")).retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::count as number;

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
            limiter.count_handshake(one).unwrap();
        }
        assert!(limiter.count_handshake(one).unwrap_err() <= Duration::from_millis(500));
        limiter.count_handshake(other).unwrap();
    }

    #[test]
    fn each_caller_has_a_limit_of_its_own() {
        let limiter = limiter(|limits| limits.key.calls_per_second = number(1));
        let _first: Vec<_> = (0..2).map(|_| limiter.admit_call(&Caller::sample("key_1")).unwrap()).collect();
        let refused = limiter.admit_call(&Caller::sample("key_1")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RateLimited);
        assert!(refused.wait().unwrap() <= Duration::from_secs(1));
        limiter.admit_call(&Caller::sample("key_2")).unwrap();
        let refused: Vec<_> = limiter.refused().into_iter().filter(|(_, number)| *number > 0).collect();
        assert_eq!(refused, [("key.calls_per_second", 1)]);
    }

    #[test]
    fn an_address_has_as_many_connections_behind_a_proxy_as_without_one() {
        let limiter = limiter(|limits| {
            limits.address.connections = number(1);
            limits.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        });
        let [proxy, client, other] = ["10.0.0.1", "198.51.100.7", "198.51.100.8"].map(|text| text.parse().unwrap());
        let place = limiter.admit_forwarded(proxy, client).unwrap();
        assert_eq!(limiter.admit_forwarded(proxy, client).unwrap_err().kind(), ErrorKind::RateLimited);
        assert!(limiter.admit_forwarded(proxy, other).unwrap().is_some(), "another address has places of its own");
        for peer in [client, proxy] {
            assert!(limiter.admit_forwarded(peer, peer).unwrap().is_none(), "only proxies speak for others");
        }
        drop(place);
        limiter.admit_forwarded(proxy, client).unwrap();
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
        assert_eq!(limiter.admit_worker(&entity, Policy::Pool, 1).unwrap_err(), SOON, "one is elsewhere");
        let _place = limiter.admit_worker(&entity, Policy::Pool, 0).unwrap();
        assert_eq!(limiter.admit_worker(&entity, Policy::Pool, 0).unwrap_err(), SOON);
        assert!(limiter.admit_worker(&entity, Policy::Supersede, 9).unwrap().is_none());
    }

    #[test]
    fn gateways_divide_the_limits_of_keys_and_entities_and_each_has_those_of_addresses() {
        let limiter = limiter(|limits| {
            limits.key.calls_in_flight = number(2);
            limits.entity.calls_in_flight = number(2);
            limits.address.handshakes_per_second = number(1);
        });
        limiter.divide_among(2);
        let _call = limiter.admit_call(&Caller::sample("key_1")).unwrap();
        assert_eq!(limiter.admit_call(&Caller::sample("key_1")).unwrap_err().kind(), ErrorKind::RateLimited);
        let _of_entity = limiter.admit_call_to(&"ent".into()).unwrap();
        assert_eq!(limiter.admit_call_to(&"ent".into()).unwrap_err().kind(), ErrorKind::RateLimited);
        let address = "10.0.0.1".parse().unwrap();
        assert!(limiter.count_handshake(address).is_ok() && limiter.count_handshake(address).is_ok());
        limiter.divide_among(0);
        limiter.admit_call(&Caller::sample("key_1")).unwrap();
    }
}
