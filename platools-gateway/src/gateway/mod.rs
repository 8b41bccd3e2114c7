//! [`Gateway`]: a running gateway with its database, its listener and its tasks. [`Builder`] starts it.

mod builder;
mod bus;
mod data;
mod lock_keeper;
mod maintenance;
mod shutdown;
mod start;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use platools_bus::Bus;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::task::AbortOnDropHandle;

pub use builder::Builder;
pub use maintenance::{DataFolder, upgrade_database};

use data::{Data, DataLock};
use lock_keeper::LockKeeper;

use crate::admin::{Agent, NewKey};
use crate::core::Core;
use crate::domain::agent_profile::Profile;
use crate::domain::error::Error;
use crate::domain::identity::{Policy, Role};
use crate::domain::origin::{Protocol, RequestOrigin};
use crate::feed::Feed;
use crate::journal::JournalFigures;
use crate::listen::{Server, Sockets};
use crate::ops::housekeeping::HousekeepingTasks;
use crate::sessions::AgentRuntime;
use crate::tls::Reload;

/// A running gateway. Dropping it stops it at once; [`Gateway::shutdown`] stops it in order.
pub struct Gateway {
    core: Arc<Core>,
    server: Server,
    sockets: Sockets,
    reload: Option<Reload>,
    setup: Builder,
    housekeeping: HousekeepingTasks,
    lock: DataLock<LockKeeper>,
    /// The connection to the other gateways, if there are any.
    bus: Option<Arc<dyn Bus>>,
    /// The tasks that watch the connections to the database and to other gateways.
    _connections: Vec<AbortOnDropHandle<()>>,
}

impl Gateway {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.setup.settings.listen
    }

    /// The URL that workers dial and callers call: `http://` and the address, or `https://` with [`Builder::tls`]. A certificate is for a name, so
    /// TLS clients use that name in place of the address.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.setup.settings.tls.files().is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// Reads the files of [`Builder::tls`] again at once, in the background. The log has the result.
    pub fn reload_tls(&self) {
        match &self.reload {
            Some(reload) => reload.ask(),
            None => tracing::info!("nothing to read again: the gateway does not use TLS"),
        }
    }

    /// Waits until the gateway cannot go on, and returns the reason; [`Gateway::shutdown`] is to follow. The one reason is another gateway that
    /// has taken the PostgreSQL database, or this one's number, while this one was not connected to it. A gateway on a folder goes on.
    pub async fn failure(&self) -> Error {
        match &self.lock {
            DataLock::Folder(_) => std::future::pending().await,
            DataLock::Database(keeper) => keeper.taken().await,
        }
    }

    /// The number of connected workers.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.core.connection_count()
    }

    /// The journal's counters since the start.
    #[must_use]
    pub fn journal_figures(&self) -> JournalFigures {
        self.core.journal_figures()
    }

    /// Adds an entity and returns the secret its workers connect with. It is not kept: this is the only time to see it.
    ///
    /// # Errors
    /// There is one of that slug, the slug is malformed, or the database failed.
    pub async fn add_entity(&self, slug: &str) -> Result<SecretString, Error> {
        Ok(self.core.local_admin().add_entity(slug, Policy::Supersede).await?.secret)
    }

    /// Gives an entity a new secret, and closes its workers' sockets with 4001.
    ///
    /// # Errors
    /// There is no such entity, or the database failed.
    pub async fn rotate_secret(&self, slug: &str) -> Result<SecretString, Error> {
        Ok(self.core.local_admin().rotate_entity(slug, Duration::ZERO).await?.secret)
    }

    /// Adds a caller's key and returns it. It is not kept: this is the only time to see it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_key(&self, role: Role) -> Result<SecretString, Error> {
        Ok(self.core.local_admin().add_key(NewKey::new(role)).await?.secret)
    }

    /// Adds an admin's key and returns it, if nobody has a key yet. Of several that try at once, one gets it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn first_admin_key(&self) -> Result<Option<SecretString>, Error> {
        if self.core.is_new() { self.core.local_admin().add_first_key().await } else { Ok(None) }
    }

    /// Adds an agent if this start made the data, so that an agent that was removed stays removed. Returns the agent that was added.
    ///
    /// # Errors
    /// The slug or the profile is malformed, or the database failed.
    pub async fn add_first_agent(&self, slug: &str, profile: Profile) -> Result<Option<Agent>, Error> {
        if !self.core.is_first_start() {
            return Ok(None);
        }
        self.core.local_admin().add_agent(slug, profile).await.map(Some)
    }

    /// True if there is a key.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.core.is_new()
    }

    /// Calls `announce` with a link that signs a browser in to the console, with the rights of a key or token. A link works once; when it was
    /// used, `announce` gets the next one.
    ///
    /// # Errors
    /// The key or token is not known, or the database failed.
    pub async fn console_links(
        &self,
        credential: &SecretString,
        announce: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let origin = RequestOrigin::local(Protocol::Program);
        let caller = self.core.authenticator.authenticate(credential, origin).await?;
        let url = self.url();
        let announce = move |code: &SecretString| {
            // Browsers keep what is behind `#` to themselves, so no server and no log gets the code.
            announce(&format!("{url}/console#sign-in={}", code.expose_secret()));
        };
        self.core.sign_in_codes.issue(caller, Arc::new(announce));
        Ok(())
    }

    /// The live feed of this run: after a [`stop`](Self::stop) and a start there is a new one.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.core.feed.clone()
    }

    /// The handle that sends events to agents with sessions. It is that of this run, as [`feed`](Self::feed) is.
    #[must_use]
    pub fn runtime(&self) -> AgentRuntime {
        self.core.sessions.handle()
    }

    /// The gateway without its protocols.
    #[must_use]
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The folder that is removed with the gateway, if its data is temporary.
    #[must_use]
    pub fn temporary_folder(&self) -> Option<PathBuf> {
        match &self.setup.data {
            Data::Temporary(folder) => folder.as_ref().map(|folder| folder.path().to_owned()),
            Data::Folder(_) => None,
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("setup", &self.setup).finish_non_exhaustive()
    }
}

/// A gateway that was stopped, with its data and its port.
#[derive(Debug)]
pub struct Stopped {
    setup: Builder,
}

impl Stopped {
    /// The address it listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.setup.settings.listen
    }
}
