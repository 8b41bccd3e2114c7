//! Runs a gateway until the process is told to stop.

use anyhow::Context as _;
use platools_gateway::Gateway;

/// What a shell reports of a program ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// What SIGHUP asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// To stop: the terminal is gone.
    Stop,
    /// To read the certificate again, as a service is told.
    Reload,
}

/// The signals that a gateway is told things with. Caught from the moment this is made.
#[cfg(unix)]
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    on_hangup: Hangup,
}

/// The signals that a gateway is told things with.
#[cfg(not(unix))]
pub(crate) struct Signals {}

/// What a signal asks for.
#[derive(PartialEq, Eq)]
enum Wish {
    Stop,
    /// To read again what may have changed.
    #[cfg(unix)]
    Reload,
}

#[cfg(unix)]
impl Signals {
    /// Begins to catch them.
    pub(crate) fn listen(on_hangup: Hangup) -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot catch SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot catch SIGINT")?,
            hangup: signal(SignalKind::hangup()).context("cannot catch SIGHUP")?,
            on_hangup,
        })
    }

    async fn next(&mut self) -> anyhow::Result<Wish> {
        Ok(tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hangup.recv() => match self.on_hangup {
                Hangup::Stop => Wish::Stop,
                Hangup::Reload => Wish::Reload,
            },
        })
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen(_on_hangup: Hangup) -> anyhow::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> anyhow::Result<Wish> {
        tokio::signal::ctrl_c().await.context("cannot catch Ctrl-C").map(|()| Wish::Stop)
    }
}

impl Signals {
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
}

#[expect(clippy::exit, reason = "a second signal asks for exactly this")]
fn leave_at_once() -> ! {
    std::process::exit(INTERRUPTED)
}
