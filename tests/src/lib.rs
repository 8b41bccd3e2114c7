//! A platform that does exactly what a test wants, over real sockets.
//!
//! A [`Platform`] listens, a [`Link`] is one worker's socket seen from the platform's side, and a [`Worker`] is a client of
//! the SDK that runs beside the test. A [`Caller`] calls tools through a real gateway, and a [`Relay`] stands between that and its worker. A
//! [`CallerLink`] is the gateway's end of a caller's socket, and a [`RuntimeGateway`] serves agents with sessions. A [`Bearer`] stands
//! between a server and clients without a key. A [`Browser`] shows pages. Nothing here sleeps: a test waits for what must happen, and [`within`] ends it when
//! that does not happen.

mod bearer;
mod browser;
mod caller;
mod installed;
mod link;
mod log;
mod platform;
mod program;
mod relay;
mod rpc;
mod runtime;
mod served;
mod wire;
mod worker;

use std::time::Duration;

pub use bearer::Bearer;
pub use browser::Browser;
pub use caller::{Answer, Caller, Events};
pub use installed::{installed, module, node};
pub use link::Link;
pub use log::Log;
pub use platform::{Platform, Unreachable};
use platools_transport::install_crypto_provider;
pub use program::{inspector, printed};
pub use relay::Relay;
pub use rpc::{CallerLink, TOKEN, USER, rpc_client};
pub use runtime::{AgentLink, Asked, KEY, Reply, RuntimeGateway, runtime_client};
pub use served::{Gone, served};
pub use wire::{Cut, Wire};
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
