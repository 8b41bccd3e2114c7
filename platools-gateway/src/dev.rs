//! A gateway for development and tests: everything is there, nothing stays.

use std::net::SocketAddr;

use crate::core::admin::NewKey;
use crate::core::agent::Profile;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::{Policy, Role};
use crate::core::logs::LogFeed;
use crate::gateway::{Builder, Gateway};

/// The entity that workers connect as.
pub const ENTITY: &str = "dev";
/// The secret of [`ENTITY`].
pub const SECRET: &str = "platools-dev-secret";
/// An agent that answers commands, for whoever comes with nothing.
pub const MAIN_AGENT: &str = "main";
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
    /// Whether every caller at `/ws` is an operator, whatever it proves. Default: no.
    pub no_auth: bool,
    /// What admins read along with `logs.tail`. Default: nothing.
    pub logs: Option<LogFeed>,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), no_auth: false, logs: None }
    }
}

impl DevOptions {
    /// Listens on that address, which must be a loopback address.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Takes every caller at `/ws` for an operator, whatever it proves, for clients that send no token. Over HTTP nothing is
    /// different. Web pages connect only if this machine served them.
    #[must_use]
    pub fn no_auth(mut self) -> Self {
        self.no_auth = true;
        self
    }

    /// Has admins read along what the program logs into the feed.
    #[must_use]
    pub fn logs(mut self, feed: LogFeed) -> Self {
        self.logs = Some(feed);
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
    if let Some(feed) = options.logs {
        builder = builder.logs(feed);
    }
    if options.no_auth {
        builder = builder.without_auth();
    }
    let opened = builder.open().await?;
    let admin = opened.core.local_admin();
    admin.add_entity_with(ENTITY, Policy::Supersede, &SECRET.to_owned().into()).await?;
    admin.add_key_with(NewKey::new(Role::Admin), &ADMIN_KEY.to_owned().into()).await?;
    for agent in [AGENT, MAIN_AGENT] {
        admin.add_agent(agent, Profile::default()).await?;
    }
    let of_agent = NewKey { agent: Some(AGENT.to_owned()), ..NewKey::new(Role::Operator) };
    admin.add_key_with(of_agent, &AGENT_KEY.to_owned().into()).await?;
    builder.serve(opened)
}
