//! The command `platools mcp-host`: it hosts the tools of an MCP server on a platform, which sees an ordinary worker.
//!
//! [`Server`](server::Server) is a child process or a URL, and [`connection::Connection`] is one connection to it. [`tools`] puts the
//! server's tools into the worker's registry, [`call::Call`] runs a call of such a tool, and [`host::Host`] connects again when the server
//! goes away.

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
