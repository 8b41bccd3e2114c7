//! Hosts the tools of an MCP server: the server is a child process or behind a URL, and the platform sees a worker.
//!
//! [`server`] is where the server is and how to connect to it, [`connection`] one connection to it, [`tools`] what becomes of
//! its tools in the worker's registry, and [`call`] one call. [`host`] keeps all of it going.

mod call;
mod connection;
mod host;
mod options;
mod server;
mod tools;

use anyhow::Context as _;

use crate::signals::{Signals, leave_at_once};
use host::Host;

pub(crate) use options::Options;

/// Hosts the tools until a signal says to stop.
///
/// # Errors
/// The options do not fit together, or the server cannot be reached to begin with. A platform that cannot be is tried again.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut host = Host::start(options.server()?, options.wanted()).await?;
    let mut worker = options.worker(host.registry())?;
    let handle = worker.handle();
    let stop = async {
        signals.next().await?;
        tracing::info!("stopping; a second signal stops at once");
        tokio::select! {
            () = handle.stop() => Ok(()),
            again = signals.next() => again.map(|()| leave_at_once()),
        }
    };
    let ended = tokio::select! {
        ended = worker.run_forever() => ended.context("the platform does not take the worker"),
        // Its end is the worker's, which is told above.
        Err(error) = stop => Err(error),
        never = host.keep_going() => match never {},
    };
    host.disconnect().await;
    ended
}
