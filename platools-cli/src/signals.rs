//! Signals that stop the program.

use anyhow::Context as _;

/// The exit code that a shell reports of a program ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// The signals that ask the program to stop. Caught from the moment this is made.
#[cfg(unix)]
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

/// The signals that ask the program to stop.
#[cfg(not(unix))]
pub(crate) struct Signals {}

impl Signals {
    /// Begins to catch them.
    #[cfg(unix)]
    pub(crate) fn listen() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot catch SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot catch SIGINT")?,
        })
    }

    /// Begins to catch them.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> anyhow::Result<()> {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        Ok(())
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> anyhow::Result<()> {
        tokio::signal::ctrl_c().await.context("cannot catch Ctrl-C")
    }
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
pub(crate) fn leave_at_once() -> ! {
    std::process::exit(INTERRUPTED)
}
