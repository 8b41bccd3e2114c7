//! The start of a [`Gateway`]: opens its data, builds its services, and then listens.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use platools_bus::{Bus, State};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::bus;
use super::data::{DataLock, lock};
use super::lock_keeper::LockKeeper;
use super::{Builder, Gateway, Stopped};
use crate::admin::SigningKeySource;
use crate::authority::NO_PLACE;
use crate::core::{Core, CoreOptions};
use crate::domain::database::DataSource;
use crate::domain::error::{Error, ErrorKind};
use crate::listen::{self, Server, Setup, Site, Sockets};
use crate::ops::evacuation::Evacuation;
use crate::ops::outage_watch::OutageWatch;
use crate::ops::setting_report::SettingReport;
use crate::store::{self, Upgraded, make_folder};
use crate::tls::{Keeper, Reload};

impl Gateway {
    /// Returns a builder with the default settings.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Starts the gateway on the current tokio runtime. It serves as soon as this returns.
    ///
    /// # Errors
    /// The address, the folder, the certificate, a name, an origin or the model's settings cannot be used, another gateway runs on the
    /// data, or the other gateways cannot be reached.
    pub async fn start(mut self) -> Result<Gateway, Error> {
        let opened = self.open().await?;
        self.serve(opened)
    }

    /// Opens the data, without serving anybody yet.
    pub(crate) async fn open(&mut self) -> Result<Opened, Error> {
        // Before there is a database, because nobody is to be served without it.
        let keeper = self.certificate_files().map(Keeper::open).transpose()?;
        self.settings.http.check()?;
        self.settings.cluster.check(&self.settings.database)?;
        let (model, dashboard_auth) = (self.model_agent()?, self.application_auth()?);
        let signing_keys = SigningKeySource::from_settings(&self.settings)?;
        let settings = self.settings.clone();
        let source = match settings.database.server()? {
            Some(server) => DataSource::Postgres(server),
            None => DataSource::Folder(self.data.folder()?),
        };
        let lock = match &source {
            DataSource::Folder(folder) => {
                make_folder(folder)?;
                let lock = lock(folder)?;
                upgrade(folder).await?;
                DataLock::Folder(lock)
            }
            DataSource::Postgres(_) if matches!(signing_keys, SigningKeySource::DataFolder) => {
                return Err(Error::new(ErrorKind::NotConfigured, NO_PLACE));
            }
            DataSource::Postgres(server) => {
                DataLock::Database(store::lock_database(server, settings.cluster.number()).await?)
            }
        };
        let bus = bus::connect(&settings.cluster).await?;
        let setting_report = SettingReport::new(&settings, &self.setting_origins);
        let options = CoreOptions {
            bus: bus.clone(),
            gateway: settings.cluster.number(),
            limits: settings.limits,
            signing_keys,
            journal: Some(settings.journal),
            audit: Some(settings.audit),
            sessions: Some(settings.runtime),
            event_handlers: self.event_handlers.clone(),
            idempotency: settings.idempotency,
            calls: settings.calls,
            chat: settings.chat,
            model,
            feed: settings.feed,
            snapshots: self.snapshots.clone(),
            dashboard_auth,
            console: settings.console,
            is_development: self.is_development,
            setting_report,
            logs: self.logs.clone(),
            observers: self.observers.clone(),
            trace_ratio: self.trace_ratio,
            is_without_auth: self.is_without_auth,
        };
        let core = Core::open_with(source, options).await?;
        Ok(Opened { core, keeper, lock, bus })
    }

    /// Begins to serve.
    pub(crate) fn serve(mut self, opened: Opened) -> Result<Gateway, Error> {
        let Opened { core, keeper, lock, bus } = opened;
        let core = Arc::new(core);
        let bus_state = bus.as_ref().map(|bus| bus.state());
        let lock = match lock {
            DataLock::Folder(lock) => DataLock::Folder(lock),
            DataLock::Database(lock) => {
                let number = self.settings.cluster.number();
                DataLock::Database(LockKeeper::start(lock, number, bus_state.clone(), &core))
            }
        };
        let connections = watch_connections(&core, &lock, bus_state);
        let (listener, address) = bind(self.settings.listen)?;
        // A later start takes the same port again.
        self.settings.listen = address;
        let sockets = Sockets::default();
        let certificates = keeper.as_ref().map(Keeper::certificates);
        let site = Site { address, is_tls: keeper.is_some() };
        let routes = listen::routes(&core, &sockets, &self.settings, site)?;
        let limiter = Arc::clone(&core.limiter);
        let server = Server::start(listener, Setup { routes, limiter, certificates, tasks: core.tasks.clone() });
        let reload = keeper.map(|keeper| Reload::start(keeper, &core.tasks));
        let housekeeping = core.housekeeping().start();
        tracing::info!(%address, "listening");
        Ok(Gateway { core, server, sockets, reload, setup: self, housekeeping, lock, bus, _connections: connections })
    }
}

/// Starts the tasks that watch the connections of a gateway to its database and to other gateways. They end with the handles.
fn watch_connections(
    core: &Arc<Core>,
    lock: &DataLock<LockKeeper>,
    bus: Option<watch::Receiver<State>>,
) -> Vec<AbortOnDropHandle<()>> {
    let DataLock::Database(keeper) = lock else { return Vec::new() };
    let Some(bus) = bus else {
        core.readiness.watch_lock(keeper.state());
        return Vec::new();
    };
    let Some(cluster) = &core.cluster else { return Vec::new() };
    let outages = cluster.outages().clone();
    let is_under_way = watch::Sender::new(false);
    core.readiness.watch_evacuation(is_under_way.subscribe());
    let outage_watch =
        OutageWatch { outages: outages.clone(), bus, store: Arc::clone(&core.store) as _, lock: keeper.state() };
    let evacuation = Evacuation {
        outages,
        others_have_bus: keeper.others_have_bus(),
        members: cluster.members().clone(),
        number: cluster.messenger().number(),
        links: Arc::clone(&core.links),
        is_under_way,
    };
    let (outage_watch, evacuation) = (Arc::new(outage_watch), Arc::new(evacuation));
    let look = move || {
        let watch = Arc::clone(&outage_watch);
        async move { watch.run().await }
    };
    let evacuate = move || {
        let evacuation = Arc::clone(&evacuation);
        async move { evacuation.run().await }
    };
    vec![core.tasks.keep("outages", look), core.tasks.keep("evacuation", evacuate)]
}

impl Stopped {
    /// Starts it again.
    ///
    /// # Errors
    /// Like [`Builder::start`].
    pub async fn start(self) -> Result<Gateway, Error> {
        self.setup.start().await
    }
}

/// A gateway's data, opened and locked.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) core: Core,
    keeper: Option<Keeper>,
    lock: DataLock,
    /// The connection to the other gateways, if there are any.
    bus: Option<Arc<dyn Bus>>,
}

/// The number of connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// Brings data of an earlier version up to this one.
async fn upgrade(folder: &Path) -> Result<(), Error> {
    if let Some(Upgraded { from, to, kept }) = store::upgrade(folder).await? {
        let kept = kept.display();
        tracing::warn!(from, to, %kept, "data upgraded; remove the copy of the earlier data once you do not need it for a downgrade");
    }
    Ok(())
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
