//! The limits, as they are set.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use super::proxies::Network;

/// A request may have a body of so many bytes: 8 MiB. With its envelopes it must still fit into a worker's frame.
pub const MAX_BODY_BYTES: u32 = 8 * 1024 * 1024;

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
    /// Of one project.
    pub project: ProjectLimits,
    /// Of all callers together.
    pub total: TotalLimits,
    /// Proxies in front of the gateway. Whoever comes by way of them counts as the address they name in `X-Forwarded-For`, and
    /// they themselves may have any number of connections. Default: none.
    pub trusted_proxies: Vec<Network>,
}

/// Limits of one address: an IPv4 address, or a /64 network of IPv6.
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
    /// Requests without a key or token in a second. Default: 1000.
    pub requests_per_second: NonZeroU32,
}

/// Limits of one key or token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct KeyLimits {
    /// Requests in a second that are no calls, such as lists and changes; messages to `/mcp` count whatever they are. Never
    /// fewer than [`calls_per_second`](Self::calls_per_second). Default: 2000.
    pub requests_per_second: NonZeroU32,
    /// Calls in a second. Default: 1000.
    pub calls_per_second: NonZeroU32,
    /// Calls under way at once. Default: 1000.
    pub calls_in_flight: NonZeroU32,
    /// Chats with agents and completions that begin in a second. Default: 100.
    pub chats_per_second: NonZeroU32,
    /// Chats and completions under way at once, those that wait for their turn included. Default: 200.
    pub chats_in_flight: NonZeroU32,
    /// Bytes of a request's body, at most [`MAX_BODY_BYTES`]; a larger number means as much. Default: [`MAX_BODY_BYTES`].
    pub body_bytes: NonZeroU32,
}

/// Limits of one entity, over all callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EntityLimits {
    /// Workers at once, where all stay ([`Policy::Pool`](crate::domain::identity::Policy::Pool)). Default: 1000.
    pub connections: NonZeroU32,
    /// Workers that connect in a second. Default: 500.
    pub handshakes_per_second: NonZeroU32,
    /// Calls in a second. Default: 10,000.
    pub calls_per_second: NonZeroU32,
    /// Calls under way at once. Default: 10,000.
    pub calls_in_flight: NonZeroU32,
    /// Bytes of the tools that its workers declare in one environment, as JSON. A registration with more is refused. Default: 8 MiB.
    pub catalogue_bytes: NonZeroU32,
}

/// Limits of one project. Commands on a data folder have no limits: the owner of the folder owns everything in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProjectLimits {
    /// Environments. Default: 100.
    pub environments: NonZeroU32,
    /// Entities. Default: 10,000.
    pub entities: NonZeroU32,
    /// Agents. Default: 10,000.
    pub agents: NonZeroU32,
    /// Keys of callers. Default: 20,000.
    pub keys: NonZeroU32,
    /// Bytes of the tools that are declared in it, as JSON. A registration with more is refused. Default: 256 MiB.
    pub catalogue_bytes: NonZeroU32,
}

impl ProjectLimits {
    /// The limits of whoever has the data folder: none.
    pub(crate) fn unbounded() -> Self {
        let max = NonZeroU32::MAX;
        Self { environments: max, entities: max, agents: max, keys: max, catalogue_bytes: max }
    }
}

impl Default for ProjectLimits {
    fn default() -> Self {
        Self {
            environments: number(100),
            entities: number(10_000),
            agents: number(10_000),
            keys: number(20_000),
            catalogue_bytes: number(256 * 1024 * 1024),
        }
    }
}

/// Limits of all callers together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TotalLimits {
    /// Chats and completions under way at once. Default: 1000.
    pub chats_in_flight: NonZeroU32,
    /// Bytes of requests that are read or answered at once, of which one key or token may hold half. A number below
    /// [`KeyLimits::body_bytes`] means as much. Default: 268,435,456 (256 MiB).
    pub body_bytes: NonZeroU64,
    /// Bytes of responses that wait to be read: of messages at `/ws` behind others, and of answers to `GET`. Half of them for one
    /// key, token or address. Default: 268,435,456 (256 MiB).
    pub waiting_bytes: NonZeroU64,
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self {
            connections: number(4096),
            handshakes_per_second: number(500),
            failures_per_minute: number(60),
            requests_per_second: number(1000),
        }
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            requests_per_second: number(2000),
            calls_per_second: number(1000),
            calls_in_flight: number(1000),
            chats_per_second: number(100),
            chats_in_flight: number(200),
            body_bytes: number(MAX_BODY_BYTES),
        }
    }
}

impl Default for TotalLimits {
    fn default() -> Self {
        let much = NonZeroU64::new(256 * 1024 * 1024).expect("a default is not zero");
        Self { chats_in_flight: number(1000), body_bytes: much, waiting_bytes: much }
    }
}

impl Default for EntityLimits {
    fn default() -> Self {
        Self {
            connections: number(1000),
            handshakes_per_second: number(500),
            calls_per_second: number(10_000),
            calls_in_flight: number(10_000),
            catalogue_bytes: number(8 * 1024 * 1024),
        }
    }
}

pub(super) fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default is not zero")
}
