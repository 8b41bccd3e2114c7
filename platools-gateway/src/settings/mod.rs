//! What `serve` can be told, from three places: flags go before the environment, and that before the configuration file.

mod audit;
mod calls;
mod chat;
mod feed;
mod feed_jwt;
mod given;
mod http;
mod idempotency;
mod limits;
mod mcp;
mod model;
mod otlp;
mod rpc;
mod runtime;
mod signing;
mod size;
mod span;
mod text;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use platools_gateway::Recording;
use platools_gateway::journal::{JournalSettings, SENSITIVE_NAMES};
use platools_gateway::limits::Limits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

use audit::AuditBounds;
use calls::CallWaits;
pub(crate) use chat::{Chat, GivenChat};
use feed::Feed;
pub(crate) use given::{Given, GivenLog, LogFormat};
pub(crate) use http::{GivenHttp, Http};
use idempotency::Idempotency;
use mcp::Mcp;
pub(crate) use model::{GivenModel, Model};
pub(crate) use otlp::Otlp;
use rpc::Rpc;
use runtime::Runtime;
pub(crate) use signing::signing_keys;
use size::Size;
use span::Span;

/// The address of `serve` and `dev`, unless they are told another.
pub(crate) const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3100);

const DEFAULT_LOG_FILTER: &str = "info,sqlx=warn";

/// Less than a worker needs to say anything.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);

/// How a gateway runs. Printed, this is a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Folder of the database. There is no default.
    pub(crate) data: PathBuf,
    /// File of the keys that sign tokens. Default: one in the folder of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key_file: Option<PathBuf>,
    /// Address to listen on. Default: 127.0.0.1:3100.
    #[serde(default = "default_listen")]
    pub(crate) listen: SocketAddr,
    /// Whether the first start makes an admin's key and prints it. Default: yes.
    #[serde(default = "yes")]
    pub(crate) first_key: bool,
    /// Adds the agent `main` at the first start. Default: yes.
    #[serde(default = "yes")]
    pub(crate) first_agent: bool,
    /// How long the gateway goes on serving after it was told to stop. Default: not at all.
    #[serde(default = "no_stop_delay")]
    pub(crate) stop_delay: Span,
    /// How long calls may take to end when the gateway stops. Default: 10 seconds.
    #[serde(default = "default_drain_limit")]
    pub(crate) drain_limit: Span,
    /// What TLS is served with. Default: no TLS.
    #[serde(skip_serializing_if = "Tls::is_none")]
    pub(crate) tls: Tls,
    /// The gateway's names, and the web pages that may use it.
    pub(crate) http: Http,
    /// The gateway's patience with workers.
    pub(crate) worker: Worker,
    /// The times that calls wait for workers that are not connected.
    pub(crate) calls: CallWaits,
    /// How much one address, one key or one entity may ask for.
    pub(crate) limits: Limits,
    /// What the journal keeps, and how long.
    pub(crate) journal: Journal,
    /// How long audit events are kept, and how many.
    pub(crate) audit: AuditBounds,
    /// How much is kept of calls under idempotency keys.
    pub(crate) idempotency: Idempotency,
    /// What callers over the gateway RPC protocol may ask for, and how long they may take.
    pub(crate) rpc: Rpc,
    /// How dashboards are served.
    pub(crate) feed: Feed,
    /// How agents with sessions are served.
    pub(crate) runtime: Runtime,
    /// How clients of the Model Context Protocol are served.
    pub(crate) mcp: Mcp,
    /// How conversations with agents are held.
    pub(crate) chat: Chat,
    /// What agents think with.
    pub(crate) model: Model,
    /// What is logged.
    pub(crate) log: Log,
    /// Where calls go as spans.
    pub(crate) otlp: Otlp,
}

/// What TLS is served with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tls {
    /// PEM file of the certificate, followed by those of its issuers.
    certificate: Option<PathBuf>,
    /// PEM file of its private key.
    key: Option<PathBuf>,
}

/// The gateway's patience with workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Worker {
    /// How long a worker may be silent before it counts as gone. Default: 2 minutes.
    pub(crate) silence: Span,
    /// How long a worker may take nothing of what is sent to it before it counts as gone. Default: 30 seconds.
    pub(crate) stall: Span,
}

/// What the journal keeps, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Journal {
    /// What is kept of arguments and results. Default: what is not redacted.
    recording: Recording,
    /// Names of members that are redacted. Default: [`SENSITIVE_NAMES`].
    sensitive_names: Vec<String>,
    /// Longer arguments or results are not kept. Default: 64 KiB.
    max_payload: Size,
    /// How long calls are kept. Default: 30 days.
    max_age: Span,
    /// How much room calls may take. Default: 1 GiB.
    max_size: Size,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Log {
    /// For people or for programs. Default: for people.
    pub(crate) format: LogFormat,
    /// What is worth a line, as `tracing_subscriber::EnvFilter` has it. Default: `info,sqlx=warn`.
    pub(crate) filter: String,
}

fn default_listen() -> SocketAddr {
    DEFAULT_LISTEN
}

fn yes() -> bool {
    true
}

fn no_stop_delay() -> Span {
    Span::from_secs(0)
}

fn default_drain_limit() -> Span {
    Span::from_secs(10)
}

impl Default for Worker {
    fn default() -> Self {
        Self { silence: Span::from_secs(120), stall: Span::from_secs(30) }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            recording: Recording::default(),
            sensitive_names: SENSITIVE_NAMES.map(str::to_owned).to_vec(),
            max_payload: Size::bytes(64 * 1024),
            max_age: Span::from_secs(30 * 24 * 60 * 60),
            max_size: Size::bytes(1024 * 1024 * 1024),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: DEFAULT_LOG_FILTER.to_owned() }
    }
}

impl Settings {
    /// Puts flags and environment over a configuration file.
    ///
    /// # Errors
    /// The file cannot be read or says what it must not, or a setting is missing or makes no sense.
    pub(crate) fn load(given: Given, file: Option<&Path>) -> anyhow::Result<Self> {
        // What other programs are told with variables is of the environment too, so it goes before the file.
        let given = Given { log: given.log.or_rust_log(), otlp: given.otlp.or_standard_variables(), ..given };
        let in_file = file.map(Given::read).transpose()?.unwrap_or_default();
        let mut settings = in_file.table()?;
        put_over(&mut settings, given.table()?);
        Self::complete(settings)
    }

    fn complete(settings: Table) -> anyhow::Result<Self> {
        ensure!(
            settings.contains_key("data"),
            "say where to keep the data: `--data FOLDER`, PLATOOLS_GATEWAY_DATA, or `data` in the configuration file"
        );
        let mut settings: Self = settings.try_into().context("the settings cannot be put together")?;
        settings.otlp = settings.otlp.checked()?;
        signing_keys(settings.signing_key_file.clone())?;
        settings.model = settings.model.checked()?;
        for (name, span) in [("silence", settings.worker.silence), ("stall", settings.worker.stall)] {
            ensure!(span.get() >= SHORTEST_PATIENCE, "`worker.{name}` is {span}; it takes at least 1s");
        }
        settings.http.check()?;
        settings.audit.check()?;
        settings.rpc.check()?;
        settings.feed.check()?;
        settings.runtime.check()?;
        settings.mcp.check()?;
        settings.calls.check()?;
        settings.chat.check()?;
        settings.tls.check()?;
        settings.log.check()?;
        Ok(settings)
    }
}

/// What is said of some settings, with the defaults of those that are not, for a command without a configuration file.
fn alone<S: DeserializeOwned>(given: &impl Serialize) -> anyhow::Result<S> {
    let given = Table::try_from(given).context("the settings cannot be put together")?;
    given.try_into().context("the settings cannot be put together")
}

/// Puts what is said in one place over what is said in another.
fn put_over(lower: &mut Table, upper: Table) {
    for (name, value) in upper {
        match (lower.get_mut(&name), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => put_over(lower, upper),
            (_, value) => drop(lower.insert(name, value)),
        }
    }
}

impl Tls {
    /// The certificate and its key, if TLS is spoken.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self) -> anyhow::Result<()> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => bail!("`tls.certificate` is set and `tls.key` is not; TLS takes both"),
            (None, Some(_)) => bail!("`tls.key` is set and `tls.certificate` is not; TLS takes both"),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}

impl Journal {
    pub(crate) fn settings(&self) -> JournalSettings {
        JournalSettings::default()
            .recording(self.recording)
            .sensitive_names(&self.sensitive_names)
            .max_payload(usize::try_from(self.max_payload.get()).unwrap_or(usize::MAX))
            .max_age(self.max_age.get())
            .max_bytes(self.max_size.get())
    }
}

impl Log {
    /// What is logged by a command without a configuration file.
    ///
    /// # Errors
    /// The filter is malformed.
    pub(crate) fn load(given: GivenLog) -> anyhow::Result<Self> {
        let log: Self = alone(&given.or_rust_log())?;
        log.check()?;
        Ok(log)
    }

    fn check(&self) -> anyhow::Result<()> {
        EnvFilter::try_new(&self.filter).with_context(|| format!("`log.filter` is no filter: {:?}", self.filter))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::given::GivenTls;
    use super::*;

    fn load(given: Given, file: &str) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, file).unwrap();
        Settings::load(given, Some(&path))
    }

    fn error(file: &str) -> String {
        format!("{:#}", load(Given::default(), file).unwrap_err())
    }

    #[test]
    fn a_printed_configuration_is_one_that_says_the_same() {
        let model = "data = '/d'\n[model]\nurl = 'http://a/v1'\nname = 'm'\nmax_output_tokens = 9";
        for file in ["data = '/d'", model, "data = '/d'\n[tls]\ncertificate = '/c'\nkey = '/k'"] {
            let settings = load(Given::default(), file).unwrap();
            let printed = toml::to_string(&settings).unwrap();
            assert_eq!(load(Given::default(), &printed).unwrap(), settings);
        }
    }

    #[test]
    fn the_file_in_deploy_says_the_defaults() {
        let given = || Given { data: Some("/d".into()), ..Given::default() };
        let deployed = load(given(), include_str!("../../../deploy/gateway.toml")).unwrap();
        assert_eq!(deployed, load(given(), "").unwrap());
    }

    #[test]
    fn what_is_given_goes_before_the_file() {
        let given = Given { data: Some("/given".into()), ..Given::default() };
        let settings = load(given, "data = '/file'\n[worker]\nstall = '1m'\n[log]\nformat = 'json'").unwrap();
        assert_eq!(settings.data, Path::new("/given"));
        assert_eq!(settings.worker.stall, Span::from_secs(60));
        assert_eq!(settings.worker.silence, Span::from_secs(120));
        assert_eq!(settings.log.format, LogFormat::Json);
    }

    #[test]
    fn certificate_and_key_may_be_said_in_different_places() {
        let tls = GivenTls { certificate: Some("/given".into()), key: None };
        let given = Given { tls, ..Given::default() };
        let settings = load(given, "data = '/d'\n[tls]\ncertificate = '/c'\nkey = '/k'").unwrap();
        assert_eq!(settings.tls.files(), Some((Path::new("/given"), Path::new("/k"))));
        assert_eq!(load(Given::default(), "data = '/d'").unwrap().tls.files(), None);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file_and_line() {
        for (file, line, key) in [
            ("data = '/d'\nlistne = '127.0.0.1:1'", "line 2", "`listne`"),
            ("data = '/d'\n\n[log]\nlevel = 'info'", "line 4", "`level`"),
            ("[wroker]\nstall = '1s'", "line 1", "`wroker`"),
        ] {
            let error = error(file);
            for part in ["gateway.toml", line, key] {
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (file, part) in [
            ("", "say where to keep the data"),
            ("data = '/d'\ndrain_limit = 'soon'", "line 2"),
            ("data = '/d'\ndrain_limit = 10", "a time such as \"30s\""),
            ("data = '/d'\nlisten = 'here'", "line 2"),
            ("data = '/d'\n[worker]\nsilence = '0s'", "`worker.silence` is 0s; it takes at least 1s"),
            ("data = '/d'\n[tls]\ncertificate = '/c'", "`tls.certificate` is set and `tls.key` is not; TLS takes both"),
            ("data = '/d'\n[tls]\nkey = '/k'", "`tls.key` is set and `tls.certificate` is not; TLS takes both"),
            ("data = '/d'\n[log]\nfilter = 'info=x=y'", "`log.filter` is no filter"),
            ("data = '/d'\n[log]\nformat = 'xml'", "line 3"),
            ("data = '/d'\n[limits.key]\ncalls_per_second = 0", "line 3"),
            ("data = '/d'\n[limits.keys]\ncalls_per_second = 1", "`keys`"),
            ("data = '/d'\n[journal]\nmax_size = 'much'", "a size such as"),
            ("data = '/d'\n[journal]\nrecording = 'some'", "`redacted`"),
            ("data = '/d'\n[audit]\nmax_age = '1s'", "`audit.max_age` is 1s; it takes at least 1h"),
            ("data = '/d'\n[audit]\nmax_rows = 0", "line 3"),
            ("data = '/d'\n[rpc]\nping_interval = '1ms'", "`rpc.ping_interval` is 1ms; it takes at least 1s"),
            ("data = '/d'\n[rpc]\nping_interval = '1m'", "needs more time"),
            ("data = '/d'\n[rpc]\nmax_message = '1B'", "it takes at least 1KiB"),
            ("data = '/d'\n[rpc]\nwaiting_bytes = '1B'", "`rpc.waiting_bytes` is 1B; it takes at least 1KiB"),
            ("data = '/d'\n[rpc]\nanonymous = 'everything'", "`catalogue`"),
            ("data = '/d'\n[limits.total]\nbody_bytes = 0", "line 3"),
            ("data = '/d'\n[feed]\nping_interval = '1ms'", "`feed.ping_interval` is 1ms; it takes at least 1s"),
            ("data = '/d'\n[feed]\ntick = '0s'", "`feed.tick` is 0s; it takes at least 1ms"),
            ("data = '/d'\n[feed]\nwaiting_keys = 0", "line 3"),
            ("data = '/d'\n[feed]\nmax_message = '1B'", "it takes at least 1KiB"),
            ("data = '/d'\n[feed.jwt]\nsecret = 'a'", "`secret`"),
            ("data = '/d'\n[feed.jwt]\nissuer = 'a'", "`feed.jwt.secret_file`"),
            ("data = '/d'\n[feed.jwt]\nsecret_file = '/nowhere/at/all'", "/nowhere/at/all"),
            ("data = '/d'\n[mcp]\nsession_idle = '1ms'", "`mcp.session_idle` is 1ms; it takes at least 1s"),
            ("data = '/d'\n[mcp]\nurl = 'example.com'", "it takes a scheme and a host"),
            (
                "data = '/d'\n[http]\nnames = ['https://example.com']",
                "`http.names` has \"https://example.com\"; it takes names",
            ),
            (
                "data = '/d'\n[http]\nallowed_origins = ['example.com']",
                "`http.allowed_origins` has \"example.com\"; it takes",
            ),
            ("data = '/d'\n[mcp]\nmax_sessions = 0", "line 3"),
            ("data = '/d'\n[chat]\nbusy = 'never'", "`refuse`"),
            ("data = '/d'\n[chat]\nrun_limit = 5", "a time such as"),
            ("data = '/d'\n[chat]\nrun_limit = '0s'", "`chat.run_limit` is 0s; it takes at least 1s"),
            ("data = '/d'\n[chat]\nmax_age = '1s'", "`chat.max_age` is 1s; it takes at least 1m"),
            ("data = '/d'\n[chat]\nhistory_size = '1KiB'", "it takes at least 512KiB"),
            ("data = '/d'\n[runtime]\nchannel_idle = '1s'", "`runtime.channel_idle` is 1s; it takes at least 1m"),
            ("data = '/d'\n[limits.project]\nentities = 0", "line 3"),
            ("data = '/d'\n[idempotency]\nmax_keys = 0", "line 3"),
            ("data = '/d'\n[model]\nkey = 'a'", "`key`"),
            ("data = '/d'\n[model]\nmax_turns = 0", "line 3"),
            ("data = '/d'\n[model]\nurl = 'example.com/v1'", "the model's URL is none"),
            ("data = '/d'\n[model]\nurl = 'http://a:b@example.com/v1'", "PLATOOLS_GATEWAY_MODEL_KEY"),
            ("data = '/d'\n[otlp]\nheaders = 'a=b'", "line 3"),
            ("data = '/d'\n[otlp]\nsample_ratio = 1.5", "`otlp.sample_ratio` is 1.5; it takes a number from 0 to 1"),
        ] {
            let error = error(file);
            assert!(error.contains(part), "{file}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Settings::load(Given::default(), Some(Path::new("/nowhere/gateway.toml"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/gateway.toml"), "{error}");
    }
}
