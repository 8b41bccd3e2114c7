//! Tools and state that are added to a client's registry when the client is built.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::{Platools, PlatoolsClientBuilder};
use crate::registry::ToolRegistry;
use crate::tool::{IntoTools, State, Tool};
use platools_transport::Secret;
use platools_transport::{Error, ErrorKind};

/// Tools and state that were given to a builder, in whatever order.
#[derive(Default)]
pub(super) struct Hosted {
    tools: Vec<Box<dyn Tool>>,
    state: State,
}

impl Hosted {
    /// Adds them to a registry, and checks that no tool lacks state.
    pub(super) fn add_to(self, registry: &ToolRegistry) -> Result<(), Error> {
        registry.extend_state(self.state);
        registry.insert(self.tools)?;
        registry.check()
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted").field("tools", &self.tools.len()).field("state", &self.state).finish()
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

    /// Adds tools to the registry when the client is built. Default: none but those of [`registry`](Self::registry).
    pub fn tools(mut self, tools: impl IntoTools) -> Self {
        self.hosted.tools.extend(tools.into_tools());
        self
    }

    /// Adds a value that tools may borrow, in place of one of the same type; before or after the tools. Default: none.
    pub fn state<T: Any + Send + Sync>(self, value: T) -> Self {
        self.shared_state(Arc::new(value))
    }

    /// Adds a value that is shared already; tools borrow the `T` inside. Default: none.
    pub fn shared_state<T: Any + Send + Sync>(mut self, value: Arc<T>) -> Self {
        drop(self.hosted.state.put(value));
        self
    }
}
