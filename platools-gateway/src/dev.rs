//! A gateway for development and tests: everything is there, nothing stays.

use std::net::SocketAddr;

use crate::core::error::{Error, ErrorKind};
use crate::core::identity::Role;
use crate::gateway::{Builder, Gateway};

/// The entity that workers connect as.
pub const ENTITY: &str = "dev";
/// The secret of [`ENTITY`].
pub const SECRET: &str = "platools-dev-secret";
/// A caller's key that may do everything.
pub const ADMIN_KEY: &str = "platools-dev-admin";
/// An agent.
pub const AGENT: &str = "dev-agent";
/// The key of [`AGENT`].
pub const AGENT_KEY: &str = "platools-dev-agent";

/// How a development gateway is set up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DevOptions {
    /// The address to listen on; only loopback addresses are allowed. Default: a free port of 127.0.0.1.
    pub listen: SocketAddr,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }
}

impl DevOptions {
    /// Listens on that address, which must be a loopback address.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }
}

/// Starts a gateway with an entity, an admin's key and an agent that everyone knows. Its data is removed with it.
///
/// # Errors
/// The address is not a loopback address (the secrets are no secrets), or cannot be used.
pub async fn start(options: DevOptions) -> Result<Gateway, Error> {
    if !options.listen.ip().is_loopback() {
        let message = format!(
            "a development gateway listens on loopback only, because everyone knows its secrets; {} is not a loopback \
             address. Use `serve` instead",
            options.listen.ip()
        );
        return Err(Error::new(ErrorKind::Listen, message));
    }
    let mut builder = Builder::default().listen(options.listen);
    let opened = builder.open().await?;
    opened.core.add_entity_with(ENTITY, &SECRET.to_owned().into()).await?;
    opened.core.add_key_with(Role::Admin, &ADMIN_KEY.to_owned().into()).await?;
    opened.core.add_agent_with(AGENT, &AGENT_KEY.to_owned().into()).await?;
    builder.serve(opened)
}
