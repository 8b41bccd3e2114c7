//! `RequestOrigin`: the protocol, the client's address and the id of a request or connection, for the audit and the log.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::random;

/// Length limit of a request id that a client chooses, in bytes.
const MAX_ID_BYTES: usize = 64;

/// The origin of a request. It travels inside a [`Caller`](super::identity::Caller), so that every part of the gateway can
/// say in a log or an audit record who asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RequestOrigin {
    /// The protocol.
    pub protocol: Protocol,
    /// The client's address, as trusted proxies name it. None for the command line and for the program itself.
    pub address: Option<IpAddr>,
    /// The id of the HTTP request; of a socket, that of its upgrade.
    pub request_id: Option<RequestId>,
}

impl RequestOrigin {
    /// An origin without an address, such as the command line.
    #[must_use]
    pub fn local(protocol: Protocol) -> Self {
        Self { protocol, address: None, request_id: None }
    }

    /// An origin at an address.
    #[must_use]
    pub fn new(protocol: Protocol, address: IpAddr, request_id: Option<RequestId>) -> Self {
        Self { protocol, address: Some(address), request_id }
    }
}

/// An address alone, for programs that use the core without its protocols.
impl From<IpAddr> for RequestOrigin {
    fn from(address: IpAddr) -> Self {
        Self { address: Some(address), ..Self::default() }
    }
}

/// The interfaces of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// Any HTTP request, before its route is known.
    Http,
    /// The REST interface.
    Rest,
    /// OpenAI's interface.
    OpenAi,
    /// Gateway RPC.
    Rpc,
    /// The live feed.
    Feed,
    /// The runtime protocol of agents with sessions.
    Runtime,
    /// The Model Context Protocol.
    Mcp,
    /// Tool sync, the protocol of workers.
    ToolSync,
    /// The command line, beside the gateway or without it.
    CommandLine,
    /// The program that the gateway runs in.
    #[default]
    Program,
}

impl Protocol {
    const ALL: [Self; 10] = [
        Self::Http,
        Self::Rest,
        Self::OpenAi,
        Self::Rpc,
        Self::Feed,
        Self::Runtime,
        Self::Mcp,
        Self::ToolSync,
        Self::CommandLine,
        Self::Program,
    ];

    /// The protocol of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == name)
    }

    /// The name in logs and audit records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Rest => "rest",
            Self::OpenAi => "openai",
            Self::Rpc => "rpc",
            Self::Feed => "feed",
            Self::Runtime => "runtime",
            Self::Mcp => "mcp",
            Self::ToolSync => "tool_sync",
            Self::CommandLine => "command_line",
            Self::Program => "program",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id of one HTTP request: the client's own, or a random one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new id that no other request has.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("req_{}", random::hex_of::<12>()).into())
    }

    /// The id that a client chose, unless it is too long for a log or has characters that need escaping in one.
    #[must_use]
    pub fn from_client(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=~".contains(&byte);
        let is_short = (1..=MAX_ID_BYTES).contains(&text.len());
        (is_short && text.bytes().all(is_plain)).then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The network that counts as one client: an IPv4 address itself, or the first 64 bits of an IPv6 address, because one client usually
/// has all addresses of such a network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_choose_an_id_that_is_plain_and_short() {
        for id in ["a", "7f1c-22", "Root=1-67891233-abcdef012345678912345678", &"x".repeat(64)] {
            assert_eq!(RequestId::from_client(id).as_ref().map(RequestId::as_str), Some(id));
        }
        for id in ["", "a b", "a\nb", "<id>", "\u{1b}[31m", "é", &"x".repeat(65)] {
            assert_eq!(RequestId::from_client(id), None, "{id:?}");
        }
        assert!(RequestId::from_client(RequestId::random().as_str()).is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |address: &str| network(address.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:0:ffff::2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_ne!(network("10.0.0.1"), network("10.0.0.2"));
    }
}
