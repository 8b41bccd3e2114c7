//! What was said of how much one address, one key or one entity may ask for.

use std::num::{NonZeroU32, NonZeroU64};

use clap::Args;
use platools_gateway::limits::Network;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenLimits {
    #[command(flatten)]
    address: GivenAddress,
    #[command(flatten)]
    key: GivenKey,
    #[command(flatten)]
    entity: GivenEntity,
    #[command(flatten)]
    project: GivenProject,
    #[command(flatten)]
    total: GivenTotal,
    /// Proxies in front of the gateway, as addresses or networks such as 10.0.0.0/8. Whoever comes by way of them counts as the
    /// address they name in `X-Forwarded-For`.
    #[arg(
        id = "trusted-proxy",
        long,
        value_name = "NETWORK",
        value_delimiter = ',',
        env = "PLATOOLS_GATEWAY_TRUSTED_PROXIES"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_proxies: Option<Vec<Network>>,
}

#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenAddress {
    /// Connections from one address. Default: 4096.
    #[arg(id = "address-connections", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_ADDRESS_CONNECTIONS")]
    connections: Option<NonZeroU32>,
    /// Workers that connect from one address in a second. Default: 500.
    #[arg(
        id = "address-handshakes-per-second",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_ADDRESS_HANDSHAKES_PER_SECOND"
    )]
    handshakes_per_second: Option<NonZeroU32>,
    /// Wrong secrets, keys and tokens from one address in a minute. Default: 60.
    #[arg(
        id = "address-failures-per-minute",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_ADDRESS_FAILURES_PER_MINUTE"
    )]
    failures_per_minute: Option<NonZeroU32>,
    /// Requests without a key or token from one address in a second. Default: 1000.
    #[arg(
        id = "address-requests-per-second",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_ADDRESS_REQUESTS_PER_SECOND"
    )]
    requests_per_second: Option<NonZeroU32>,
}

#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenKey {
    /// Requests of one key or token in a second that are no calls. Default: 2000.
    #[arg(
        id = "key-requests-per-second",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_KEY_REQUESTS_PER_SECOND"
    )]
    requests_per_second: Option<NonZeroU32>,
    /// Calls of one key or token in a second. Default: 1000.
    #[arg(id = "key-calls-per-second", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_KEY_CALLS_PER_SECOND")]
    calls_per_second: Option<NonZeroU32>,
    /// Calls of one key or token under way. Default: 1000.
    #[arg(id = "key-calls-in-flight", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_KEY_CALLS_IN_FLIGHT")]
    calls_in_flight: Option<NonZeroU32>,
    /// Chats and completions of one key or token that begin in a second. Default: 100.
    #[arg(id = "key-chats-per-second", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_KEY_CHATS_PER_SECOND")]
    chats_per_second: Option<NonZeroU32>,
    /// Chats and completions of one key or token under way. Default: 200.
    #[arg(id = "key-chats-in-flight", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_KEY_CHATS_IN_FLIGHT")]
    chats_in_flight: Option<NonZeroU32>,
    /// Bytes of a request's body, at most 8 MiB. Default: 8388608.
    #[arg(id = "key-body-bytes", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_KEY_BODY_BYTES")]
    body_bytes: Option<NonZeroU32>,
}

#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenEntity {
    /// Workers of one entity that is a pool. Default: 1000.
    #[arg(id = "entity-connections", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_ENTITY_CONNECTIONS")]
    connections: Option<NonZeroU32>,
    /// Workers of one entity that connect in a second. Default: 500.
    #[arg(
        id = "entity-handshakes-per-second",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_ENTITY_HANDSHAKES_PER_SECOND"
    )]
    handshakes_per_second: Option<NonZeroU32>,
    /// Calls of one entity's tools in a second. Default: 10000.
    #[arg(
        id = "entity-calls-per-second",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_ENTITY_CALLS_PER_SECOND"
    )]
    calls_per_second: Option<NonZeroU32>,
    /// Calls of one entity's tools under way. Default: 10000.
    #[arg(id = "entity-calls-in-flight", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_ENTITY_CALLS_IN_FLIGHT")]
    calls_in_flight: Option<NonZeroU32>,
    /// Bytes of the tools that one entity's workers declare in one environment. Default: 8388608.
    #[arg(id = "entity-catalogue-bytes", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_ENTITY_CATALOGUE_BYTES")]
    catalogue_bytes: Option<NonZeroU32>,
}

#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenProject {
    /// Environments of one project. Default: 100.
    #[arg(id = "project-environments", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_PROJECT_ENVIRONMENTS")]
    environments: Option<NonZeroU32>,
    /// Entities of one project. Default: 10000.
    #[arg(id = "project-entities", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_PROJECT_ENTITIES")]
    entities: Option<NonZeroU32>,
    /// Agents of one project. Default: 10000.
    #[arg(id = "project-agents", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_PROJECT_AGENTS")]
    agents: Option<NonZeroU32>,
    /// Keys of one project. Default: 20000.
    #[arg(id = "project-keys", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_PROJECT_KEYS")]
    keys: Option<NonZeroU32>,
    /// Bytes of the tools that are declared in one project. Default: 268435456.
    #[arg(
        id = "project-catalogue-bytes",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_PROJECT_CATALOGUE_BYTES"
    )]
    catalogue_bytes: Option<NonZeroU32>,
}

#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenTotal {
    /// Chats and completions under way, of all callers. Default: 1000.
    #[arg(id = "total-chats-in-flight", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_TOTAL_CHATS_IN_FLIGHT")]
    chats_in_flight: Option<NonZeroU32>,
    /// Bytes of requests that are read or answered at once, of all callers. Default: 268435456.
    #[arg(id = "total-body-bytes", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_TOTAL_BODY_BYTES")]
    body_bytes: Option<NonZeroU64>,
    /// Bytes of responses that wait to be read, of all callers. Default: 268435456.
    #[arg(id = "total-waiting-bytes", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_TOTAL_WAITING_BYTES")]
    waiting_bytes: Option<NonZeroU64>,
}
