//! Peers for tests, over real sockets. Each peer sends exactly the frames that a test wants.
//!
//! A [`Platform`] listens for workers, a [`Link`] is the platform's end of one worker's socket, and a [`Worker`] is a client of the SDK
//! beside the test. A [`Caller`] calls tools through a real gateway, and a [`Relay`] stands between that gateway and its worker. A
//! [`CallerSocket`] is the gateway's end of a caller's socket, and a [`RuntimeGateway`] serves agents with sessions. A [`Bearer`] adds the
//! key for clients that send none, and a [`Browser`] shows pages. An [`Installation`](cluster::Installation) has several gateways as processes.
//!
//! Nothing here sleeps: a test waits for an event, and [`within`] makes the test fail if the event does not come.

mod bearer_proxy;
mod browser;
mod caller;
pub mod cluster;
mod cut_connection;
mod installed_programs;
mod link;
mod log;
mod platform;
mod program;
mod relay;
mod rpc;
mod runtime;
mod served_tools;
mod worker;

use std::time::Duration;

pub use bearer_proxy::Bearer;
pub use browser::Browser;
pub use caller::{Answer, Caller, Events};
pub use cut_connection::{Cut, Wire};
pub use installed_programs::{installed, module, node};
pub use link::Link;
pub use log::Log;
pub use platform::{Platform, Unreachable};
use platools_transport::install_crypto_provider;
pub use program::{inspector, printed};
pub use relay::Relay;
pub use rpc::{CallerSocket, TOKEN, USER, rpc_client};
pub use runtime::{AgentSocket, Asked, KEY, Reply, RuntimeGateway, runtime_client};
pub use served_tools::{Gone, served};
pub use worker::{SECRET, Worker, client, keep_links_here, quick, states, with_causes};

/// Nothing a test waits for takes so long, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);

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

/// Waits for what must happen.
///
/// # Panics
/// It does not happen.
pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it took too long")
}
