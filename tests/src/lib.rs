//! Peers for tests, over real sockets. Each peer sends exactly the frames that a test wants.
//!
//! A [`Platform`] listens for workers, a [`Link`] is the platform's end of one worker's socket, and a [`Worker`] is a client of the SDK
//! beside the test. A [`Caller`] calls tools through a real gateway, and a [`Relay`] stands between that gateway and its worker. A
//! [`CallerSocket`] is the gateway's end of a caller's socket, and a [`RuntimeGateway`] serves agents with sessions. A [`Bearer`] adds the
//! key for clients that send none, and a [`Browser`] shows pages. An [`Installation`](cluster::Installation) has several gateways as processes.
//!
//! Nothing here sleeps: a test waits for an event, and [`within`] makes the test fail if the event does not come.

#[cfg(doctest)]
#[doc = include_str!("../../docs/worker.md")]
mod worker_page {}

mod bearer_proxy;
mod browser;
mod caller;
pub mod cluster;
mod installed_programs;
mod log;
mod program;
mod relay;
mod rpc;
mod runtime;
mod served_tools;
mod worker;

pub use bearer_proxy::Bearer;
pub use browser::Browser;
pub use caller::{Answer, Caller, Events};
pub use installed_programs::{installed, module, node};
pub use log::Log;
pub use platools::testing::{
    ConnectionCut as Cut, PATIENCE, TestConnection as Wire, TestLink as Link, TestPlatform as Platform,
    TestWorker as Worker, UnreachablePlatform as Unreachable, within,
};
use platools_transport::install_crypto_provider;
pub use program::{inspector, printed};
pub use relay::Relay;
pub use rpc::{CallerSocket, TOKEN, USER, rpc_client};
pub use runtime::{AgentSocket, Asked, KEY, Reply, RuntimeGateway, runtime_client};
pub use served_tools::{Gone, served};
pub use worker::{SECRET, client, keep_links_here, quick, states, with_causes};

/// An HTTP client for servers on this machine.
///
/// # Panics
/// There is none.
#[must_use]
pub fn http_client() -> reqwest::Client {
    // In a build with `platools-cli` no client of reqwest begins without it, not even to speak without TLS.
    install_crypto_provider();
    // No proxy of the environment knows the way to this loopback interface.
    reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().expect("an HTTP client")
}
