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

use std::convert::Infallible;
use std::future::pending;

use anyhow::Context as _;
use platools_transport::{INTERRUPTED, StopSignals, end_process};

use host::Host;

pub(crate) use options::Options;

/// Hosts the tools until a signal says to stop.
///
/// # Errors
/// The options do not fit together, or the server cannot be reached to begin with. A platform that cannot be is tried again.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen().context("the signals that stop the program cannot be caught")?;
    let mut host = Host::start(options.server()?, options.wanted()).await?;
    let mut worker = options.worker(host.registry())?;
    let handle = worker.handle();
    let stop = async {
        signals.next().await;
        tracing::info!("stopping; a second signal stops at once");
        tokio::select! {
            () = handle.stop() => pending::<Infallible>().await,
            () = signals.next() => end_process(INTERRUPTED),
        }
    };
    let ended = tokio::select! {
        ended = worker.run_forever() => ended.context("the platform does not take the worker"),
        // The stop ends the worker, whose end is told above.
        never = stop => match never {},
        never = host.keep_going() => match never {},
    };
    host.disconnect().await;
    ended
}
