//! [`Limits`]: rates and quotas of addresses, credentials, entities and projects. [`Network`] is the address or the network of a trusted
//! proxy.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;

use ipnet::IpNet;

use super::section::section;
use super::value::{bytes, count, text_values};

/// The most bytes of a request's body: 8 MiB. With its envelopes it must still fit into a worker's frame.
pub const MAX_BODY_BYTES: u32 = 8 * 1024 * 1024;

section! {
    /// Limits that protect the gateway from its clients. Twice the rate of a second may come at once. [The limits](gateway.md#limits) say
    /// what a client over a limit is told.
    #[derive(PartialEq, Eq)]
    pub struct Limits: "limits" as "" titled "Limits" {
        /// Proxies in front of the gateway, as addresses or networks such as 10.0.0.0/8.
        ///
        /// A client behind them counts as the address in `X-Forwarded-For`. The proxies may have any number of connections.
        pub trusted_proxies: Vec<Network> = Vec::new(), shaped("NETWORKS"), with_alias("trusted-proxy"), common();
    }
    with {
        /// Limits of one address.
        pub address: AddressLimits;
        /// Limits of one key or token.
        pub key: KeyLimits;
        /// Limits of one entity.
        pub entity: EntityLimits;
        /// Limits of one project.
        pub project: ProjectLimits;
        /// Limits of all callers together.
        pub total: TotalLimits;
    }
}

section! {
    /// Limits of one address: an IPv4 address, or a /64 network of IPv6.
    #[derive(PartialEq, Eq)]
    pub struct AddressLimits: "limits.address" as "address" titled "Limits of one address" {
        /// Connections of one address at once, of workers and of callers.
        pub connections: NonZeroU32 = count(4096);
        /// Workers of one address that connect in a second.
        ///
        /// The workers behind one router can all come back after a restart.
        pub handshakes_per_second: NonZeroU32 = count(500);
        /// Wrong secrets, keys and tokens of one address in a minute.
        ///
        /// With more, further wrong ones are told to wait. Valid ones are never refused for the sake of others from the same address.
        pub failures_per_minute: NonZeroU32 = count(60);
        /// Requests without a key or token of one address in a second.
        pub requests_per_second: NonZeroU32 = count(1000);
    }
}

section! {
    /// Limits of one key or token.
    #[derive(PartialEq, Eq)]
    pub struct KeyLimits: "limits.key" as "key" titled "Limits of one key or token" {
        /// Requests of one key in a second, other than calls.
        ///
        /// These are lists and changes, over every protocol. Each message to `/mcp` counts, so there are never fewer than
        /// `limits.key.calls_per_second`.
        pub requests_per_second: NonZeroU32 = count(2000);
        /// Calls of one key in a second.
        pub calls_per_second: NonZeroU32 = count(1000);
        /// Calls of one key in flight.
        pub calls_in_flight: NonZeroU32 = count(1000);
        /// Chats and completions of one key that begin in a second.
        pub chats_per_second: NonZeroU32 = count(100);
        /// Chats and completions of one key in flight, with those that wait for their turn.
        pub chats_in_flight: NonZeroU32 = count(200);
        /// Bytes of a request's body, at most 8 MiB.
        pub body_bytes: NonZeroU32 = count(MAX_BODY_BYTES);
    }
}

section! {
    /// Limits of one entity, over all callers.
    #[derive(PartialEq, Eq)]
    pub struct EntityLimits: "limits.entity" as "entity" titled "Limits of one entity" {
        /// Workers of one entity at once, if it is a pool.
        pub connections: NonZeroU32 = count(1000);
        /// Workers of one entity that connect in a second.
        pub handshakes_per_second: NonZeroU32 = count(500);
        /// Calls of one entity's tools in a second.
        pub calls_per_second: NonZeroU32 = count(10_000);
        /// Calls of one entity's tools in flight.
        pub calls_in_flight: NonZeroU32 = count(10_000);
        /// Bytes of the tools that one entity's workers declare in one environment, as JSON. A registration with more is refused.
        pub catalog_bytes: NonZeroU32 = count(8 * 1024 * 1024);
    }
}

section! {
    /// Limits of one project. Commands on a data folder have none: the owner of the folder owns everything in it.
    #[derive(PartialEq, Eq)]
    pub struct ProjectLimits: "limits.project" as "project" titled "Limits of one project" {
        /// Environments of one project.
        pub environments: NonZeroU32 = count(100);
        /// Entities of one project.
        pub entities: NonZeroU32 = count(10_000);
        /// Agents of one project.
        pub agents: NonZeroU32 = count(10_000);
        /// Keys of one project.
        pub keys: NonZeroU32 = count(20_000);
        /// Bytes of the tools that are declared in one project, as JSON. A registration with more is refused.
        pub catalog_bytes: NonZeroU32 = count(256 * 1024 * 1024);
    }
}

impl ProjectLimits {
    /// The limits of the owner of the data folder: none.
    pub(crate) fn unbounded() -> Self {
        let max = NonZeroU32::MAX;
        Self { environments: max, entities: max, agents: max, keys: max, catalog_bytes: max }
    }
}

section! {
    /// Limits of all callers together.
    #[derive(PartialEq, Eq)]
    pub struct TotalLimits: "limits.total" as "total" titled "Limits of all callers together" {
        /// Chats and completions of all callers in flight.
        pub chats_in_flight: NonZeroU32 = count(1000);
        /// Bytes of requests that are read or answered at once. One key or token may have half.
        ///
        /// A number below `limits.key.body_bytes` means as much.
        pub body_bytes: NonZeroU64 = bytes(256 * 1024 * 1024);
        /// Bytes of responses that wait to be read. One key, token or address may have half.
        ///
        /// These are messages at `/ws` behind others, and answers to `GET`.
        pub waiting_bytes: NonZeroU64 = bytes(256 * 1024 * 1024);
    }
}

/// An address, such as `10.0.0.7`, or a network, such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Tells whether the network contains an address.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network =
            network.map_err(|_| format!("`{text}` is neither an address nor a network such as 10.0.0.0/8"))?;
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

text_values! {
    Network: "NETWORK", "addresses or networks such as \"10.0.0.0/8\"";
}
