//! The shortest way to a worker.

use super::{PlatoolsClient, PlatoolsClientBuilder};
use crate::error::Error;

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
