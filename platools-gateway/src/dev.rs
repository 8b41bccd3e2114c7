//! [`start`]: starts a gateway for development and tests, with an entity, a key and agents. Its data is temporary.

mod secrets;

use std::net::SocketAddr;

pub use secrets::{ADMIN_KEY, AGENT_KEY, DevSecrets, SECRET};

use crate::admin::NewKey;
use crate::domain::agent_profile::{AgentKind, Profile};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Policy, Role};
use crate::gateway::{Builder, Gateway};
use crate::ops::log_tail::LogTail;
use crate::settings::{ChatSettings, HttpSettings, ModelSettings};

/// Options of a development gateway.
#[derive(Debug, Clone)]
pub struct DevOptions {
    /// The address to listen on; only loopback addresses are allowed. Default: a free port of 127.0.0.1.
    pub listen: SocketAddr,
    /// Secrets to connect with. Default: random ones, which are known from here on.
    pub secrets: DevSecrets,
    /// Names of the gateway, and web pages that may use it. Default: [`HttpSettings::default`].
    pub http: HttpSettings,
    /// Treats every caller at `/ws` as an operator, for clients that send no token; the admin's key makes an admin. HTTP is not affected.
    /// This includes web pages that a server on this machine serves. Default: no.
    pub no_auth: bool,
    /// Accepts web pages that are opened from files. Their origin is `null`, which sandboxed frames of any web site have as well: with
    /// `no_auth`, a page of any site can use the gateway then while it runs. Default: no.
    pub file_pages: bool,
    /// The log that admins follow with `logs.tail`. Default: none.
    pub logs: Option<LogTail>,
    /// The rules of conversations with agents. Default: [`ChatSettings::default`].
    pub chat: ChatSettings,
    /// The model of [`MAIN_AGENT`]. Default: none; the agent answers commands then.
    pub model: Option<ModelSettings>,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secrets: DevSecrets::random(),
            http: HttpSettings::default(),
            no_auth: false,
            file_pages: false,
            logs: None,
            chat: ChatSettings::default(),
            model: None,
        }
    }
}

impl DevOptions {
    /// The defaults with [`DevSecrets::known`], for tests.
    #[must_use]
    pub fn with_known_secrets() -> Self {
        Self { secrets: DevSecrets::known(), ..Self::default() }
    }
}

/// The entity that workers connect as.
pub const ENTITY: &str = "dev";

/// An agent that every caller may talk to. It answers with the model if there is one, and otherwise runs commands.
pub const MAIN_AGENT: &str = "main";

/// An agent.
pub const AGENT: &str = "dev-agent";

/// Starts a gateway with an entity, an admin's key and an agent, with the secrets of the options. Its data is removed with it.
///
/// # Errors
/// The address is not a loopback address, or it, a secret, a name, an origin or the model's settings cannot be used.
pub async fn start(options: DevOptions) -> Result<Gateway, Error> {
    if !options.listen.ip().is_loopback() {
        let message = format!(
            "a development gateway listens on loopback only; {} is not a loopback address. Use `serve` instead",
            options.listen.ip()
        );
        return Err(Error::new(ErrorKind::Listen, message));
    }
    let mut http = options.http;
    if options.file_pages {
        http.allowed_origins.push("null".to_owned());
    }
    let builder = Builder::default().listen(options.listen).chat(options.chat).http(http).open_catalog().development();
    let builder = options.logs.into_iter().fold(builder, Builder::logs);
    let builder = if options.no_auth { builder.without_auth() } else { builder };
    let thinking =
        Profile { kind: options.model.as_ref().map_or(AgentKind::Command, |_| AgentKind::Model), ..Profile::default() };
    let mut builder = options.model.into_iter().fold(builder, Builder::model);
    let opened = builder.open().await?;
    let admin = opened.core.local_admin().quietly();
    admin.add_entity_with(ENTITY, Policy::Supersede, &options.secrets.worker).await?;
    admin.add_key_with(NewKey::new(Role::Admin), &options.secrets.admin).await?;
    for (agent, profile) in [(AGENT, Profile::default()), (MAIN_AGENT, thinking)] {
        admin.add_agent(agent, profile).await?;
    }
    let mut of_agent = NewKey::new(Role::Operator);
    of_agent.credential.agent = Some(AGENT.to_owned());
    admin.add_key_with(of_agent, &options.secrets.agent).await?;
    builder.serve(opened)
}
