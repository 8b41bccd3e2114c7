//! [`Signals`]: runs a gateway until a signal stops the process. A hangup can make it read the certificate again.

use anyhow::Context as _;
use platools_gateway::Gateway;
use platools_gateway::domain::error::Error;
use platools_transport::{INTERRUPTED, StopSignals, end_process};

/// The signals that a gateway obeys, from the creation of this value on.
pub(crate) struct Signals {
    stop: StopSignals,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    on_hangup: Hangup,
}

/// The action that SIGHUP asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// To stop: the terminal is gone.
    Stop,
    /// To read the certificate again, as a service is told.
    Reload,
}

/// The action that a signal asks for.
#[derive(PartialEq, Eq)]
enum Wish {
    Stop,
    /// To read again what may have changed.
    #[cfg(unix)]
    Reload,
}

impl Signals {
    /// Begins to catch the signals.
    #[cfg(unix)]
    pub(crate) fn listen(on_hangup: Hangup) -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stop = StopSignals::listen().context("cannot catch SIGTERM and SIGINT")?;
        let hangup = signal(SignalKind::hangup()).context("cannot catch SIGHUP")?;
        Ok(Self { stop, hangup, on_hangup })
    }

    /// Begins to catch the signals. There is no hangup here.
    #[cfg(not(unix))]
    pub(crate) fn listen(_on_hangup: Hangup) -> anyhow::Result<Self> {
        Ok(Self { stop: StopSignals::listen().context("cannot catch Ctrl-C")? })
    }

    /// Runs the gateway until the first signal to stop and stops it in order; a second signal ends the process at once.
    ///
    /// Calls `on_stop` at the first signal. A gateway that cannot go on is stopped in order, too.
    ///
    /// # Errors
    /// The reason why the gateway cannot go on.
    pub(crate) async fn run(mut self, gateway: Gateway, on_stop: impl FnOnce()) -> Result<(), Error> {
        let outcome = loop {
            tokio::select! {
                wish = self.next() => match wish {
                    Wish::Stop => break Ok(()),
                    #[cfg(unix)]
                    Wish::Reload => gateway.reload_tls(),
                },
                error = gateway.failure() => break Err(error),
            }
        };
        on_stop();
        match &outcome {
            Ok(()) => tracing::info!("stopping; a second signal stops at once"),
            Err(error) => tracing::error!(%error, "stopping; a signal stops at once"),
        }
        // Kept apart from the gateway, because the way out by a second signal runs no destructors.
        let leftovers = gateway.temporary_folder();
        tokio::select! {
            () = gateway.shutdown() => {}
            () = self.stop() => {
                if let Some(folder) = leftovers {
                    let _ = std::fs::remove_dir_all(folder);
                }
                end_process(INTERRUPTED)
            }
        }
        outcome
    }

    /// Waits for a signal to stop. A gateway that stops reads nothing again.
    async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Wish {
        tokio::select! {
            () = self.stop.next() => Wish::Stop,
            _ = self.hangup.recv() => match self.on_hangup {
                Hangup::Stop => Wish::Stop,
                Hangup::Reload => Wish::Reload,
            },
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Wish {
        self.stop.next().await;
        Wish::Stop
    }
}
