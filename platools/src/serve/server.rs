//! [`Server`]: sets up a local MCP server: its tools, name and limits. `stdio/` and `http/` run the server.

use std::sync::Arc;
use std::time::Duration;

use super::call_tracker::CallTracker;
use super::info::Info;
use super::registry_host::RegistryHost;
use super::stdio;
use super::stop_signals::signals;
use super::tools::ServedTools;
use crate::mcp::MAX_RESULT_BYTES;
use crate::registry::ToolRegistry;
use crate::tool::ToolDefinition;
use platools_transport::Error;

/// A local server before it serves.
///
/// ```no_run
/// use platools::serve::Server;
/// # use platools::ToolRegistry;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), platools::Error> {
/// # let registry = ToolRegistry::new();
/// Server::new(registry)
///     .name("orders")
///     .version(env!("CARGO_PKG_VERSION"))
///     .instructions("Look an order up before you cancel it.")
///     .tool("lookup_order")
///     .stdio()
///     .await
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is served until `stdio` or `http`"]
pub struct Server {
    registry: ToolRegistry,
    named: Vec<String>,
    info: Info,
    user: Option<String>,
    drain: Duration,
    max_result_bytes: usize,
}

impl Server {
    /// The most bytes of a result, unless [`max_result_bytes`](Self::max_result_bytes) says otherwise: 6 MiB.
    pub const DEFAULT_MAX_RESULT_BYTES: usize = MAX_RESULT_BYTES;

    /// The time for calls to end when the server ends, unless [`drain`](Self::drain) says otherwise: 5 seconds.
    pub const DEFAULT_DRAIN: Duration = Duration::from_secs(5);

    /// A server of all tools of a registry, also of those that are added later.
    pub fn new(registry: ToolRegistry) -> Self {
        Self {
            registry,
            named: Vec::new(),
            info: Info::default(),
            user: None,
            drain: Self::DEFAULT_DRAIN,
            max_result_bytes: Self::DEFAULT_MAX_RESULT_BYTES,
        }
    }

    /// Serves this tool, and of the others only those that are named as well; may be called several times. Default: all.
    pub fn tool(mut self, name: impl Into<String>) -> Self {
        self.named.push(name.into());
        self
    }

    /// The name that clients know the server by. Default: that of the program's file.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.info.name = name.into();
        self
    }

    /// The version that clients are told; `env!("CARGO_PKG_VERSION")` is that of your crate. Default: `0.0.0`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.info.version = version.into();
        self
    }

    /// Instructions for a model that uses the tools together. Default: none.
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.info.instructions = Some(instructions.into());
        self
    }

    /// The user of the server, as [`Context::user_id`](crate::Context::user_id) of every call. Default: none.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// The time for calls to end when the server ends. Default: [`DEFAULT_DRAIN`](Self::DEFAULT_DRAIN). Many programs that
    /// start a server end it by force a few seconds after they closed its input.
    pub fn drain(mut self, limit: Duration) -> Self {
        self.drain = limit;
        self
    }

    /// The most bytes of a result, as JSON. A call with a larger one fails, and its client is told the limit. An object travels twice, as text
    /// and as structured content, and some clients read no message of more than 16 MiB. Default:
    /// [`DEFAULT_MAX_RESULT_BYTES`](Self::DEFAULT_MAX_RESULT_BYTES).
    pub fn max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// The declarations of the tools that it serves.
    ///
    /// # Errors
    /// A tool that was named is not in the registry: [`UnknownTool`](crate::ErrorKind::UnknownTool).
    pub fn definitions(&self) -> Result<Vec<Arc<ToolDefinition>>, Error> {
        Ok(ServedTools::new(self.registry.clone(), &self.named)?.definitions())
    }

    /// Serves the one client at standard input and output.
    ///
    /// It ends when the client closes the input, and at SIGTERM or SIGINT: calls that run have the time of
    /// [`drain`](Self::drain) and are given up then, or at a (further) signal. Nothing else may write to standard output meanwhile.
    ///
    /// # Errors
    /// A tool that was named is not in the registry, or what comes first is no message of the protocol.
    pub async fn stdio(self) -> Result<(), Error> {
        let (drain, signals) = (self.drain, signals()?);
        stdio::serve(self.into_host()?, drain, signals).await
    }

    /// The time for calls to end when the server ends.
    #[cfg(feature = "serve-http")]
    pub(super) fn drain_limit(&self) -> Duration {
        self.drain
    }

    pub(super) fn into_host(self) -> Result<Arc<RegistryHost>, Error> {
        let tools = ServedTools::new(self.registry, &self.named)?;
        let Self { info, user, max_result_bytes, .. } = self;
        Ok(Arc::new(RegistryHost { tools, calls: CallTracker::default(), info, user, max_result_bytes }))
    }
}
