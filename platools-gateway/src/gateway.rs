//! A gateway that runs: its database, its socket and its tasks.

use std::fmt;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::core::Core;
use crate::core::admin::NewKey;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::{Policy, Role};
use crate::core::journal::{JournalFigures, JournalSettings};
use crate::core::limits::Limits;
use crate::listen::{self, Patience, Server};
use crate::store::make_folder;

/// How long workers have to take leave when the gateway stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// How many connections wait to be accepted.
const BACKLOG: u32 = 4096;

/// How a gateway is set up.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    listen: SocketAddr,
    data: Data,
    drain_limit: Duration,
    patience: Patience,
    limits: Limits,
    journal: JournalSettings,
}

/// Where a gateway keeps its database.
#[derive(Debug, Clone)]
enum Data {
    /// In a folder that is made at the start and removed with the gateway.
    Temporary(Option<Arc<TempDir>>),
    Folder(PathBuf),
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: Data::Temporary(None),
            drain_limit: Duration::from_secs(10),
            patience: Patience::default(),
            limits: Limits::default(),
            journal: JournalSettings::default(),
        }
    }
}

impl Builder {
    /// The address to listen on. Default: a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The folder of the database; it is made if it is not there. Default: a temporary folder, removed with the gateway.
    pub fn data_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Data::Folder(folder.into());
        self
    }

    /// How long calls that are under way may take when the gateway stops. Default: 10 seconds.
    pub fn drain_limit(mut self, limit: Duration) -> Self {
        self.drain_limit = limit;
        self
    }

    /// How long a worker may be silent before it counts as gone. Workers send a heartbeat every 30 seconds. Default: 2 minutes.
    pub fn worker_silence(mut self, limit: Duration) -> Self {
        self.patience.silence = limit;
        self
    }

    /// How long a worker may take nothing of what is sent to it before it counts as gone. Default: 30 seconds.
    pub fn worker_stall(mut self, limit: Duration) -> Self {
        self.patience.stall = limit;
        self
    }

    /// How much one address, one key or one entity may ask for. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What the journal keeps, and how long. Default: [`JournalSettings::default`].
    pub fn journal(mut self, settings: JournalSettings) -> Self {
        self.journal = settings;
        self
    }

    /// Starts the gateway on the current tokio runtime. It serves as soon as this returns.
    ///
    /// # Errors
    /// The address or the folder cannot be used, or another gateway runs on the folder.
    pub async fn start(mut self) -> Result<Gateway, Error> {
        let opened = self.open().await?;
        self.serve(opened)
    }

    /// Opens the data, without serving anybody yet.
    pub(crate) async fn open(&mut self) -> Result<Opened, Error> {
        let folder = self.data.folder()?;
        make_folder(&folder)?;
        let lock = lock(&folder)?;
        let core = Core::open(&folder, &self.limits).await?.with_journal(self.journal.clone());
        Ok(Opened { core, lock })
    }

    /// Begins to serve.
    pub(crate) fn serve(mut self, opened: Opened) -> Result<Gateway, Error> {
        let Opened { core, lock } = opened;
        let core = Arc::new(core);
        let (listener, address) = bind(self.listen)?;
        // A later start takes the same port again.
        self.listen = address;
        let links = TaskTracker::new();
        let server = Server::start(listener, listen::routes(&core, &links, self.patience), Arc::clone(core.limiter()));
        let housekeeping = {
            let core = Arc::clone(&core);
            AbortOnDropHandle::new(tokio::spawn(async move { core.keep_house().await }))
        };
        tracing::info!(%address, "listening");
        Ok(Gateway { core, server, links, setup: self, _housekeeping: housekeeping, _lock: lock })
    }
}

/// A gateway's data, opened and locked.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) core: Core,
    lock: Lock,
}

impl Data {
    fn folder(&mut self) -> Result<PathBuf, Error> {
        match self {
            Self::Folder(folder) => Ok(folder.clone()),
            Self::Temporary(Some(folder)) => Ok(folder.path().to_owned()),
            Self::Temporary(empty @ None) => {
                let folder = tempfile::Builder::new().prefix("platools-gateway-").tempdir().map_err(|error| {
                    Error::new(ErrorKind::Storage, "no temporary folder could be made").caused_by(error)
                })?;
                let path = folder.path().to_owned();
                *empty = Some(Arc::new(folder));
                Ok(path)
            }
        }
    }
}

/// What keeps a second gateway off a folder.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file alone would not do: a process that is being started has it too, for a moment.
        let _ = self.0.unlock();
    }
}

/// Keeps a second gateway off the folder. The lock goes with the process, however that ends.
fn lock(folder: &Path) -> Result<Lock, Error> {
    let failed =
        |error: std::io::Error| Error::new(ErrorKind::Storage, "the data folder cannot be locked").caused_by(error);
    let file = File::options().write(true).create(true).truncate(false).open(folder.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(std::fs::TryLockError::WouldBlock) => {
            let message = format!("another gateway runs on {}", folder.display());
            Err(Error::new(ErrorKind::Storage, message))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Listens, also on a port whose last connections are still fading, so that a gateway can be restarted in place.
fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let chosen = listener.local_addr()?;
        Ok((listener, chosen))
    };
    listen().map_err(|error: std::io::Error| {
        Error::new(ErrorKind::Listen, format!("cannot listen on {address}")).caused_by(error)
    })
}

/// A running gateway. Dropping it stops it at once; [`Gateway::shutdown`] stops it in order.
pub struct Gateway {
    core: Arc<Core>,
    server: Server,
    links: TaskTracker,
    setup: Builder,
    _housekeeping: AbortOnDropHandle<()>,
    _lock: Lock,
}

impl Gateway {
    /// Sets a gateway up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.setup.listen
    }

    /// `http://` and the address: what workers dial and callers call.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// How many workers are connected.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.core.connection_count()
    }

    /// What the journal counted since the start.
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

    /// Adds an admin's key and returns it, if nobody has a key yet.
    ///
    /// # Errors
    /// The database failed.
    pub async fn first_admin_key(&self) -> Result<Option<SecretString>, Error> {
        if self.core.is_new() { self.add_key(Role::Admin).await.map(Some) } else { Ok(None) }
    }

    /// Whether anybody has a key.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.core.is_new()
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

    /// Stops in order: takes no new connections, lets calls finish up to the drain limit, closes workers with 1001.
    pub async fn shutdown(self) {
        let _ = self.stop().await;
    }

    /// Stops like [`Gateway::shutdown`], and keeps what is needed to start again with the same data on the same port.
    pub async fn stop(mut self) -> Stopped {
        self.core.begin_stop();
        // Before workers are told to connect elsewhere: here would be no elsewhere.
        self.server.stop();
        self.core.announce_stop(self.setup.drain_limit);
        let idle = async { tokio::join!(self.server.idle(), self.core.idle()) };
        if timeout(self.setup.drain_limit, idle).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        // Workers stay until now: they are the ones to finish the calls. Those that are left are ended here.
        self.core.stop().await;
        self.links.close();
        if timeout(FAREWELL, self.links.wait()).await.is_err() {
            tracing::warn!("some workers did not take leave");
        }
        self.server.end().await;
        self.core.close().await;
        tracing::info!("stopped");
        Stopped { setup: self.setup.clone() }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Links are tasks of their own and would outlive the server, which ends its connections when it is dropped.
        self.core.abort();
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
        self.setup.listen
    }

    /// Starts it again.
    ///
    /// # Errors
    /// Like [`Builder::start`].
    pub async fn start(self) -> Result<Gateway, Error> {
        self.setup.start().await
    }
}
