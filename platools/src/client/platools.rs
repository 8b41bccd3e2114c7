//! The shortest way to a worker.

use std::any::Any;
use std::sync::Arc;

use super::PlatoolsClient;
use crate::error::{Error, ErrorKind};
use crate::link::Secret;
use crate::registry::ToolRegistry;
use crate::tool::IntoTools;

/// A worker set up from the environment, for a `main` of a few lines.
///
/// ```no_run
/// # use platools::{Platools, tool, tools};
/// # /// Add two numbers.
/// # #[tool]
/// # async fn add(a: i64, b: i64) -> i64 { a + b }
/// #[tokio::main]
/// async fn main() -> Result<(), platools::Error> {
///     Platools::from_env()?.tools(tools![add]).connect().await
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing happens until `connect`"]
pub struct Platools {
    url: String,
    secret: Secret,
    /// The first error stays, so that calls can be chained.
    registry: Result<ToolRegistry, Error>,
}

impl Platools {
    /// The environment variable with the platform's URL.
    pub const URL_VARIABLE: &str = "PLATOS_URL";

    /// The environment variable with the worker's secret.
    pub const SECRET_VARIABLE: &str = "PLATOS_SECRET";

    /// The environment variable with the path of a file with the worker's secret.
    pub const SECRET_FILE_VARIABLE: &str = "PLATOS_SECRET_FILE";

    /// Takes the platform's URL from `PLATOS_URL`, and the secret from the file that `PLATOS_SECRET_FILE` names or else from
    /// `PLATOS_SECRET`. A file keeps the secret from processes that inherit the environment, and is read anew for each socket.
    ///
    /// # Errors
    /// One of them is not set, or the file cannot be read, or the secret is empty or cannot be sent in a header.
    pub fn from_env() -> Result<Self, Error> {
        // Without the cause, which would show a value that is not UTF-8.
        let url = std::env::var(Self::URL_VARIABLE).map_err(|_| {
            Error::new(ErrorKind::InvalidUrl, "the platform's URL is not in the environment as UTF-8; set PLATOS_URL")
        })?;
        let file = std::env::var_os(Self::SECRET_FILE_VARIABLE).filter(|path| !path.is_empty());
        let secret = file.map_or_else(|| Secret::env(Self::SECRET_VARIABLE), Secret::file);
        secret.check()?;
        Ok(Self { url, secret, registry: Ok(ToolRegistry::new()) })
    }

    /// Adds a value that tools may borrow; before the tools that do.
    pub fn state<T: Any + Send + Sync>(self, value: T) -> Self {
        self.shared_state(Arc::new(value))
    }

    /// Adds a value that is shared already; tools borrow the `T` inside.
    pub fn shared_state<T: Any + Send + Sync>(mut self, value: Arc<T>) -> Self {
        self.registry = self.registry.map(|registry| registry.with_shared_state(value));
        self
    }

    /// Adds tools.
    pub fn tools(mut self, tools: impl IntoTools) -> Self {
        self.registry = self.registry.and_then(|registry| registry.with_tools(tools));
        self
    }

    /// The client, for more control than [`connect`](Self::connect) gives.
    ///
    /// # Errors
    /// A tool could not be added, or the URL or the secret is malformed.
    pub fn build(self) -> Result<PlatoolsClient, Error> {
        PlatoolsClient::builder().url(self.url).secret(self.secret).registry(self.registry?).build()
    }

    /// Serves the platform for as long as the process lives.
    ///
    /// # Errors
    /// As for [`build`](Self::build).
    pub async fn connect(self) -> Result<(), Error> {
        self.build()?.run_forever().await
    }
}
