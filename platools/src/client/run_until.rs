//! [`PlatoolsClient::run_until`], [`PlatoolsClientBuilder::connect`] and [`PlatoolsClientBuilder::connect_until`]: run a client until a
//! future completes or the process gets a stop signal.

use std::pin::pin;

use super::console_notices::ConnectionNotices;
use super::stop_signals::SignalledRun;
use super::{PlatoolsClient, PlatoolsClientBuilder};
use platools_transport::Error;

impl PlatoolsClient {
    /// Serves the platform until `shutdown` completes, then stops: running calls finish within the drain limit, their replies are delivered,
    /// and the socket is closed. Installs no handlers of signals.
    ///
    /// Dropping the future ends the run at once and gives up its calls.
    ///
    /// ```no_run
    /// # use platools::{PlatoolsClient, ToolRegistry};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), platools::Error> {
    /// let mut client = PlatoolsClient::builder().from_env()?.build()?;
    /// client.run_until(async { drop(tokio::signal::ctrl_c().await) }).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`run_forever`](Self::run_forever).
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn run_until(&mut self, shutdown: impl Future) -> Result<(), Error> {
        let handle = self.handle();
        let mut run = pin!(self.run_forever());
        tokio::select! {
            ended = &mut run => return ended,
            _ = shutdown => {}
        }
        // The stop waits for the run, which has to go on for that.
        let (ended, ()) = tokio::join!(run, handle.stop());
        ended
    }
}

impl PlatoolsClientBuilder {
    /// Builds the client and serves the platform until the process is asked to stop: by SIGTERM or SIGINT, which is Ctrl-C; on Windows by
    /// Ctrl-C, Ctrl-Break, the close of the console or the shutdown of the machine. Calls that run then end within the
    /// [`drain_limit`](Self::drain_limit), their results are delivered, the socket is closed, and `Ok` is returned, so that `main` ends with
    /// the exit code 0.
    ///
    /// From the first call of `connect` on, for the rest of the process's life:
    ///
    /// - Signals do not end the process by themselves. The first one stops every run that `connect` began in the process, and those it
    ///   begins later.
    /// - A second signal ends the process at once with the exit code 130, and its calls are lost.
    /// - If a stop used up the drain limit, the process has five more seconds to end. It has five seconds as well while the thread of a
    ///   call that was given up earlier is still held. Then it is ended with the code 0 and an error in the log: a handler that blocks its
    ///   thread would keep the runtime, and `main` with it, from ending.
    ///
    /// Where the program has no subscriber of `tracing`, standard error has a line when the worker is connected, when it is refused or finds no
    /// platform, and when the connection ends.
    ///
    /// An application with handlers of its own receives the same signals as before, beside these. One that wants to stop the client itself uses
    /// [`connect_until`](Self::connect_until), which handles no signals, with a future of its own or with `std::future::pending::<()>()`.
    ///
    /// # Errors
    /// As for [`build`](Self::build) and [`PlatoolsClient::run_forever`], and [`Signals`](crate::ErrorKind::Signals) if signals cannot be
    /// caught.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn connect(self) -> Result<(), Error> {
        let drain_limit = self.limit_of_drain();
        let mut client = self.build()?;
        let mut run = SignalledRun::begin(drain_limit)?;
        let mut notices = ConnectionNotices::of(&client.handle());
        tokio::select! {
            ended = client.run_until(run.stopped()) => ended,
            never = notices.tell() => match never {},
        }
    }

    /// Builds the client and serves the platform until `shutdown` completes. Running calls then finish within the
    /// [`drain_limit`](Self::drain_limit), their replies are delivered, and the socket is closed.
    ///
    /// Installs no handlers of signals, unlike [`connect`](Self::connect): the application decides what stops the client.
    ///
    /// ```no_run
    /// # use platools::{Platools, tool, tools};
    /// # /// Add two numbers.
    /// # #[tool]
    /// # async fn add(a: i64, b: i64) -> i64 { a + b }
    /// #[tokio::main]
    /// async fn main() -> Result<(), platools::Error> {
    ///     let an_hour = tokio::time::sleep(std::time::Duration::from_secs(60 * 60));
    ///     Platools::from_env()?.tools(tools![add]).connect_until(an_hour).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As for [`build`](Self::build) and [`PlatoolsClient::run_forever`].
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn connect_until(self, shutdown: impl Future) -> Result<(), Error> {
        self.build()?.run_until(shutdown).await
    }
}
