//! Runs of a client that end when they are told to.

use std::pin::pin;

use super::{PlatoolsClient, PlatoolsClientBuilder};
use crate::error::Error;

impl PlatoolsClient {
    /// Serves the platform until `shutdown` completes, then stops: running calls finish within the drain limit, their replies are delivered,
    /// and the socket is closed.
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
    /// Builds the client and serves the platform for as long as the process lives.
    ///
    /// The end of the process is the end of its calls: use [`connect_until`](Self::connect_until) to finish them first.
    ///
    /// # Errors
    /// As for [`build`](Self::build) and [`PlatoolsClient::run_forever`].
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn connect(self) -> Result<(), Error> {
        self.build()?.run_forever().await
    }

    /// Builds the client and serves the platform until `shutdown` completes, say at a signal. Running calls then finish within the
    /// [`drain_limit`](Self::drain_limit), their replies are delivered, and the socket is closed.
    ///
    /// The crate installs no handlers of signals by itself; `examples/worker` shows one for SIGTERM and SIGINT.
    ///
    /// ```no_run
    /// # use platools::{Platools, tool, tools};
    /// # /// Add two numbers.
    /// # #[tool]
    /// # async fn add(a: i64, b: i64) -> i64 { a + b }
    /// #[tokio::main]
    /// async fn main() -> Result<(), platools::Error> {
    ///     Platools::from_env()?.tools(tools![add]).connect_until(tokio::signal::ctrl_c()).await
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
