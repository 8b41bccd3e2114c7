//! [`Platools`]: sets up a worker whose URL and secret come from environment variables. `builder.rs` sets up a worker from values in the
//! program.

use super::{PlatoolsClient, PlatoolsClientBuilder};
use platools_transport::{Error, ErrorKind, Secret};

/// A worker set up from the environment, for a `main` of a few lines.
///
/// [`from_env`](Self::from_env) is the same as [`PlatoolsClient::builder`] with [`PlatoolsClientBuilder::from_env`]: every setting of the
/// builder can follow.
///
/// ```no_run
/// # use std::time::Duration;
/// # use platools::{Platools, tool, tools};
/// # /// Add two numbers.
/// # #[tool]
/// # async fn add(a: i64, b: i64) -> i64 { a + b }
/// #[tokio::main]
/// async fn main() -> Result<(), platools::Error> {
///     Platools::from_env()?.tools(tools![add]).drain_limit(Duration::from_secs(10)).connect().await
/// }
/// ```
/// # Stopping
///
/// [`connect`](PlatoolsClientBuilder::connect) connects again after every close of the platform, also after one with 1000. It returns at SIGTERM
/// or SIGINT, once the calls that run have ended and their results are delivered; a second signal ends the process at once.
///
/// Nothing else of this crate handles signals. [`connect_until`](PlatoolsClientBuilder::connect_until) takes a future that stops the client, and
/// the [`ClientHandle`](crate::client::ClientHandle) of a client stops it from elsewhere:
///
/// ```no_run
/// use platools::PlatoolsClient;
///
/// # #[cfg(unix)]
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     use tokio::signal::unix::{SignalKind, signal};
///
///     let mut client = PlatoolsClient::builder().from_env()?.build()?;
///     let (handle, mut user_defined) = (client.handle(), signal(SignalKind::user_defined1())?);
///     tokio::spawn(async move {
///         user_defined.recv().await;
///         // Lets running calls end, delivers their results, and closes the socket.
///         handle.stop().await;
///     });
///     client.run_forever().await?;
///     Ok(())
/// }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
///
/// # Connecting again
///
/// The client waits 1, 2, 4, 8, 16, 32 and then 60 seconds between two attempts, each jittered between half and all of it. The constants
/// [`BACKOFF_BASE_MS`](crate::connection::BACKOFF_BASE_MS), [`BACKOFF_MAX_MS`](crate::connection::BACKOFF_MAX_MS) and the function
/// [`backoff_delay_ms`](crate::connection::backoff_delay_ms) are that curve, and [`HEARTBEAT_INTERVAL_MS`](crate::connection::HEARTBEAT_INTERVAL_MS) is the time between
/// two heartbeats. The exact curve is `Reconnect::new().jitter(Jitter::None)`; it tries for ever unless
/// `max_attempts(MAX_BACKOFF_ATTEMPTS)` ends it after [ten](crate::connection::MAX_BACKOFF_ATTEMPTS), as the SDK for Python does.
#[derive(Debug)]
#[non_exhaustive]
pub struct Platools;

impl Platools {
    /// The environment variable with the platform's URL.
    pub const URL_VARIABLE: &str = "PLATOS_URL";

    /// The environment variable with the worker's secret.
    pub const SECRET_VARIABLE: &str = "PLATOS_SECRET";

    /// The environment variable with the path of a file with the worker's secret.
    pub const SECRET_FILE_VARIABLE: &str = "PLATOS_SECRET_FILE";

    /// A client's builder with the URL and the secret of the environment.
    ///
    /// # Errors
    /// As for [`PlatoolsClientBuilder::from_env`].
    pub fn from_env() -> Result<PlatoolsClientBuilder, Error> {
        PlatoolsClient::builder().from_env()
    }
}

impl PlatoolsClientBuilder {
    /// Takes the platform's URL from `PLATOS_URL`, and the secret from the file that `PLATOS_SECRET_FILE` names or else from
    /// `PLATOS_SECRET`, in place of those set before. A file keeps the secret from processes that inherit the environment, and is read anew
    /// for each socket.
    ///
    /// # Errors
    /// One of them is not set, or the file cannot be read, or the secret is empty or cannot be sent in a header.
    pub fn from_env(self) -> Result<Self, Error> {
        // Without the cause, which would show a value that is not UTF-8.
        let url = std::env::var(Platools::URL_VARIABLE).map_err(|_| {
            Error::new(ErrorKind::InvalidUrl, "the platform's URL is not in the environment as UTF-8; set PLATOS_URL")
        })?;
        let file = std::env::var_os(Platools::SECRET_FILE_VARIABLE).filter(|path| !path.is_empty());
        let secret = file.map_or_else(|| Secret::env(Platools::SECRET_VARIABLE), Secret::file);
        secret.check()?;
        Ok(self.url(url).secret(secret))
    }
}
