//! Runs a gateway until the process is told to stop.

use anyhow::Context as _;
use platools_gateway::Gateway;

/// What a shell reports of a program ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// The signals that a gateway is told things with. Caught from the moment this is made.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

/// What a signal asks for.
#[derive(PartialEq, Eq)]
enum Wish {
    Stop,
    /// To read again what may have changed.
    #[cfg(unix)]
    Reload,
}

impl Signals {
    /// Begins to catch those that stop a gateway.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                terminate: signal(SignalKind::terminate()).context("cannot catch SIGTERM")?,
                interrupt: signal(SignalKind::interrupt()).context("cannot catch SIGINT")?,
                hangup: None,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Catches SIGHUP too, which is how a service is told to read its certificate again. Without it that signal ends the
    /// program, as when a terminal is closed.
    pub(crate) fn with_hangup(self) -> anyhow::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let hangup = signal(SignalKind::hangup()).context("cannot catch SIGHUP")?;
            Ok(Self { hangup: Some(hangup), ..self })
        }
        #[cfg(not(unix))]
        Ok(self)
    }

    /// Runs the gateway until the first signal to stop and stops it in order; a second signal ends the process at once.
    ///
    /// `on_stop` is told of the first signal.
    pub(crate) async fn run(mut self, gateway: Gateway, on_stop: impl FnOnce()) -> anyhow::Result<()> {
        while self.next().await? != Wish::Stop {
            gateway.reload_tls();
        }
        on_stop();
        tracing::info!("stopping; a second signal stops at once");
        // Kept apart from the gateway, because the way out by a second signal runs no destructors.
        let leftovers = gateway.temporary_folder();
        tokio::select! {
            () = gateway.shutdown() => Ok(()),
            stop = self.stop() => {
                stop?;
                if let Some(folder) = leftovers {
                    let _ = std::fs::remove_dir_all(folder);
                }
                leave_at_once()
            }
        }
    }

    /// Waits for a signal to stop. There is nothing to read again for a gateway that stops.
    async fn stop(&mut self) -> anyhow::Result<()> {
        while self.next().await? != Wish::Stop {}
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<Wish> {
        #[cfg(unix)]
        return Ok(tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            () = next_of(self.hangup.as_mut()) => Wish::Reload,
        });
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.context("cannot catch Ctrl-C").map(|()| Wish::Stop)
    }
}

/// Waits for a signal that may not be caught.
#[cfg(unix)]
async fn next_of(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn leave_at_once() -> ! {
    std::process::exit(INTERRUPTED)
}
