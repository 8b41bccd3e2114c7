//! Runs a gateway until the process is told to stop.

use anyhow::Context as _;
use platools_gateway::Gateway;

/// What a shell reports of a program ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// The signals that stop a gateway. Caught from the moment this is made.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to catch them.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                terminate: signal(SignalKind::terminate()).context("cannot catch SIGTERM")?,
                interrupt: signal(SignalKind::interrupt()).context("cannot catch SIGINT")?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Runs the gateway until the first signal and stops it in order; a second signal ends the process at once.
    ///
    /// `on_stop` is told of the first signal.
    pub(crate) async fn run(mut self, gateway: Gateway, on_stop: impl FnOnce()) -> anyhow::Result<()> {
        self.next().await?;
        on_stop();
        tracing::info!("stopping; a second signal stops at once");
        // Kept apart from the gateway, because the way out by a second signal runs no destructors.
        let leftovers = gateway.temporary_folder();
        tokio::select! {
            () = gateway.shutdown() => Ok(()),
            signal = self.next() => {
                signal?;
                if let Some(folder) = leftovers {
                    let _ = std::fs::remove_dir_all(folder);
                }
                leave_at_once()
            }
        }
    }

    async fn next(&mut self) -> anyhow::Result<()> {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.context("cannot catch Ctrl-C")?;
        Ok(())
    }
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn leave_at_once() -> ! {
    std::process::exit(INTERRUPTED)
}
