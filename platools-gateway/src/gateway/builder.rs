//! [`Builder`]: sets the settings and the extensions of a gateway, such as an agent's model, and starts it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::data::Data;
use crate::admin::SigningKeySource;
use crate::agents::AgentRunner;
use crate::authority::NO_PLACE;
use crate::domain::error::{Error, ErrorKind};
use crate::feed::{DashboardAuth, JwtAuth, SnapshotProvider};
#[cfg(feature = "model")]
use crate::model::ModelAgent;
use crate::ops::log_tail::LogTail;
use crate::ports::call_observer::CallObserver;
use crate::sessions::{AgentEvent, EventHandler};
use crate::settings::{
    AnonymousAccess, AuditSettings, CallSettings, ChatSettings, ClusterSettings, ConsoleSettings, FeedSettings,
    HttpSettings, IdempotencySettings, JournalSettings, Limits, McpSettings, ModelSettings, RpcSettings,
    RuntimeSettings, SettingOrigins, Settings,
};
use crate::tls::Files;

/// The builder of a gateway.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    pub(super) settings: Settings,
    pub(super) data: Data,
    pub(super) event_handlers: Vec<EventHandler>,
    pub(super) logs: Option<LogTail>,
    pub(super) is_without_auth: bool,
    pub(super) is_development: bool,
    pub(super) snapshots: Option<Arc<dyn SnapshotProvider>>,
    dashboard_auth: Option<Arc<dyn DashboardAuth>>,
    pub(super) observers: Vec<Arc<dyn CallObserver>>,
    pub(super) trace_ratio: f64,
    pub(super) setting_origins: SettingOrigins,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            settings: Settings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Settings::default() },
            data: Data::Temporary(None),
            event_handlers: Vec::new(),
            logs: None,
            is_without_auth: false,
            is_development: false,
            snapshots: None,
            dashboard_auth: None,
            observers: Vec::new(),
            trace_ratio: 0.0,
            setting_origins: SettingOrigins::new(),
        }
    }
}

impl Builder {
    /// Sets all settings. Those of the program alone, such as the log, have no effect. Default: [`Settings::default`] on a free port.
    pub fn settings(self, settings: Settings) -> Self {
        let data = settings.data.clone().map_or(self.data, Data::Folder);
        Self { settings, data, ..self }
    }

    /// Sets the sources of the settings, which admins see with the values. Default: the program set all values that are no defaults.
    pub fn setting_origins(self, origins: SettingOrigins) -> Self {
        Self { setting_origins: origins, ..self }
    }

    /// Sets the address to listen on. Default: a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.settings.listen = address;
        self
    }

    /// Sets the folder of the database; it is made if it is not there. Default: a temporary folder, removed with the gateway.
    pub fn data_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Data::Folder(folder.into());
        self
    }

    /// Sets a PostgreSQL database in place of the folder, such as `postgres://platools@db.example.com/platools`, with the password of its
    /// user. It needs [`signing_keys`](Self::signing_keys). Default: a SQLite file in the folder.
    pub fn database(mut self, url: impl Into<String>, password: Option<SecretString>) -> Self {
        (self.settings.database.url, self.settings.database.password) = (Some(url.into()), password);
        self
    }

    /// Makes this gateway one of several on its [database](Self::database). `settings` has its number and the NATS servers that connect it
    /// to the others. Default: the gateway is alone.
    pub fn cluster(mut self, settings: ClusterSettings) -> Self {
        self.settings.cluster = settings;
        self
    }

    /// Sets the place of the keys that sign tokens. Default: a file of their own in the data folder.
    pub fn signing_keys(mut self, source: SigningKeySource) -> Self {
        (self.settings.signing_key_file, self.settings.signing_keys) = source.into_settings();
        self
    }

    /// Serves TLS, with a certificate and its private key in PEM files: the gateway's own certificate first, then those of
    /// its issuers. The files may be the same. They are read again when they change; connections that are open stay as they
    /// are. Default: no TLS.
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        (self.settings.tls.certificate, self.settings.tls.key) = (Some(certificate.into()), Some(key.into()));
        self
    }

    /// Sets the time that the gateway goes on serving after it was told to stop, while `/ready` answers 503. A load balancer takes
    /// this time to notice. Default: zero.
    pub fn stop_delay(mut self, delay: Duration) -> Self {
        self.settings.stop_delay = delay;
        self
    }

    /// Sets the longest time of running calls when the gateway stops. Default: 10 seconds.
    pub fn drain_limit(mut self, limit: Duration) -> Self {
        self.settings.drain_limit = limit;
        self
    }

    /// Sets the time without a frame after which a worker counts as gone. Workers send a heartbeat every 30 seconds. Default: 2 minutes.
    pub fn worker_silence(mut self, limit: Duration) -> Self {
        self.settings.worker.silence = limit;
        self
    }

    /// Sets the time without reading after which a worker counts as gone. Default: 30 seconds.
    pub fn worker_stall(mut self, limit: Duration) -> Self {
        self.settings.worker.stall = limit;
        self
    }

    /// Lets admins read the program's log, which goes into the tail. Default: they cannot.
    pub fn logs(mut self, tail: LogTail) -> Self {
        self.logs = Some(tail);
        self
    }

    /// Takes every caller over the gateway RPC protocol for an operator, apart from those with an admin's key or token.
    pub(crate) fn without_auth(mut self) -> Self {
        self.is_without_auth = true;
        self
    }

    /// Marks the gateway as one for development.
    pub(crate) fn development(mut self) -> Self {
        self.is_development = true;
        self
    }

    /// Shows tools and agents to callers over the gateway RPC protocol without a valid key or token.
    pub(crate) fn open_catalog(mut self) -> Self {
        self.settings.rpc.anonymous = AnonymousAccess::Catalog;
        self
    }

    /// Sets the provider of the snapshots that dashboards begin with; later events are published with
    /// [`Gateway::feed`](super::Gateway::feed). Default: the feed has the gateway's own state, see [`feed`](crate::feed).
    pub fn snapshots(mut self, provider: Arc<dyn SnapshotProvider>) -> Self {
        self.snapshots = Some(provider);
        self
    }

    /// Lets dashboards in with tokens of the application, beside tokens of the gateway. The application's users may watch their own agents
    /// and nothing else. Default: tokens of the gateway only.
    pub fn dashboard_auth(mut self, auth: Arc<dyn DashboardAuth>) -> Self {
        self.dashboard_auth = Some(auth);
        self
    }

    /// Sets the model of agents whose profile says [`AgentKind::Model`](crate::domain::agent_profile::AgentKind::Model). Default: nothing,
    /// so that those cannot answer.
    pub fn model(mut self, settings: ModelSettings) -> Self {
        self.settings.model = settings;
        self
    }

    /// Checks the settings and the files that they name, without opening the data. This is stricter than a start, which only warns of
    /// a certificate that is not valid now.
    ///
    /// # Errors
    /// A name, an origin, a URL, a secret or a file cannot be used.
    pub fn check(&self) -> Result<(), Error> {
        self.settings.http.check()?;
        self.settings.cluster.check(&self.settings.database)?;
        self.model_agent()?;
        self.application_auth()?;
        let signing_keys = SigningKeySource::from_settings(&self.settings)?;
        if self.settings.database.server()?.is_some() && matches!(signing_keys, SigningKeySource::DataFolder) {
            return Err(Error::new(ErrorKind::NotConfigured, NO_PLACE));
        }
        self.certificate_files().map_or(Ok(()), |files| files.check())
    }

    /// Calls a function with every custom event that an agent sends over its socket, such as `{"type": "custom.event", "data": ..}`.
    /// Several functions may be added. Default: none.
    ///
    /// Each function gets one event after the other, in the order of arrival, and must not block its thread. Up to 4096 events or 32 MiB
    /// wait for a function that takes its time, up to 512 or 4 MiB of them from one agent; further ones are dropped, counted in
    /// `/metrics` and logged. A panic is logged and counted, and the next event follows. No socket waits for a function.
    /// [`Gateway::runtime`](super::Gateway::runtime) sends events to agents.
    pub fn on_agent_event<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(AgentEvent) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.event_handlers.push(EventHandler::new(handler));
        self
    }

    /// Adds an observer of calls. Default: none.
    pub fn observe_calls(mut self, observer: Arc<dyn CallObserver>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Sets the share of new traces, of calls that came without a `traceparent`, that are marked as recorded for the
    /// worker and for observers: from none at 0 to all at 1. Default: 0.
    pub fn trace_ratio(mut self, ratio: f64) -> Self {
        self.trace_ratio = ratio;
        self
    }

    pub(super) fn certificate_files(&self) -> Option<Files> {
        self.settings.tls.files().map(|(certificate, key)| Files::new(certificate.to_owned(), key.to_owned()))
    }

    /// The agent that thinks with the model, if there is a model.
    #[cfg(feature = "model")]
    pub(super) fn model_agent(&self) -> Result<Option<Arc<dyn AgentRunner>>, Error> {
        let Some(_) = self.settings.model.url else { return Ok(None) };
        Ok(Some(Arc::new(ModelAgent::new(self.settings.model.clone())?)))
    }

    #[cfg(not(feature = "model"))]
    pub(super) fn model_agent(&self) -> Result<Option<Arc<dyn AgentRunner>>, Error> {
        if self.settings.model.url.is_some() {
            let message =
                "this gateway was built without the feature `model`; build it with that feature, or set no `model.url`";
            return Err(Error::new(ErrorKind::NotConfigured, message));
        }
        Ok(None)
    }

    /// The check of dashboards' tokens: the one that was set, or that of the settings.
    pub(super) fn application_auth(&self) -> Result<Option<Arc<dyn DashboardAuth>>, Error> {
        match &self.dashboard_auth {
            Some(auth) => Ok(Some(Arc::clone(auth))),
            None => Ok(JwtAuth::from_settings(&self.settings.dashboard_tokens)?.map(|auth| Arc::new(auth) as _)),
        }
    }
}

/// Declares the setters of sections of the settings.
macro_rules! section_setters {
    ($($section:ident: $type:ident, $about:literal;)+) => {
        impl Builder {
            $(
                #[doc = concat!("Sets ", $about, ". Default: [`", stringify!($type), "::default`].")]
                pub fn $section(mut self, settings: $type) -> Self {
                    self.settings.$section = settings;
                    self
                }
            )+
        }
    };
}

section_setters! {
    calls: CallSettings, "time limits of calls";
    limits: Limits, "rates and quotas";
    journal: JournalSettings, "limits of the record of calls";
    audit: AuditSettings, "limits of the record of changes, sign-ins and refusals";
    idempotency: IdempotencySettings, "limits of answers under idempotency keys";
    rpc: RpcSettings, "limits of callers over the gateway RPC protocol";
    console: ConsoleSettings, "limits of the console and of the sessions of browsers";
    http: HttpSettings, "names of the gateway, and web pages that may use it";
    mcp: McpSettings, "limits of clients of the Model Context Protocol";
    runtime: RuntimeSettings, "limits of agents with sessions";
    chat: ChatSettings, "limits of conversations with agents";
    feed: FeedSettings, "limits of dashboards";
}
