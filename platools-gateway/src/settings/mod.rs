//! [`Settings`]: all settings of a gateway. A flag overrides an environment variable, and both override the configuration file.
//!
//! Each section has a file, in which `section!` declares its settings once: name, type, default, bounds and documentation. To add a
//! setting, add it there, and run `UPDATE_DOCS=1 cargo test -p platools-gateway --lib settings::`.

mod calls;
mod chat;
mod check;
mod cluster;
mod console;
mod database;
#[cfg(test)]
mod docs;
mod feed;
mod file;
mod http;
mod idempotency;
mod journal;
mod limits;
mod mcp;
mod model;
mod origin;
mod program;
mod rpc;
mod runtime;
mod section;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use toml::Value;

pub use calls::CallSettings;
pub use chat::{ChatSettings, WhenBusy};
#[cfg(feature = "model")]
pub(crate) use check::http_url;
pub use cluster::ClusterSettings;
pub use console::ConsoleSettings;
pub use database::DatabaseSettings;
pub use feed::{DashboardTokenSettings, FeedSettings};
pub use http::HttpSettings;
pub use idempotency::IdempotencySettings;
pub use journal::{AuditSettings, JournalSettings, Recording, SENSITIVE_NAMES};
pub use limits::{AddressLimits, EntityLimits, KeyLimits, Limits, MAX_BODY_BYTES, Network, ProjectLimits, TotalLimits};
pub use mcp::McpSettings;
pub use model::ModelSettings;
pub use origin::{SettingOrigin, SettingOrigins};
pub use program::{LogFormat, LogSettings, OtlpSettings, TlsSettings, WorkerSettings};
pub use rpc::{AnonymousAccess, RpcSettings};
pub use runtime::RuntimeSettings;
pub use section::{Section, Setting, VARIABLE_PREFIX};

use crate::domain::error::Error;
use file::FileEntry;
use section::section;
#[cfg(test)]
pub(crate) use value::count;
use value::{seconds, shown};

section! {
    /// The process: its data, its address, its start and its stop.
    pub struct Settings: "" titled "Gateway" {
        /// Folder of the database; made if it is not there.
        pub data: Option<PathBuf> = None, shaped("FOLDER"), example("/var/lib/platools-gateway"), common();
        /// File of the keys that sign tokens; made if it is not there.
        ///
        /// See [keys that sign tokens](gateway.md#keys-that-sign-tokens).
        pub signing_key_file: Option<PathBuf> = None, default_text("signing-keys.json in the folder of the database"), example("/etc/platools/signing-keys"), common();
        /// The keys that sign tokens, in place of the file.
        pub signing_keys: Option<SecretString> = None;
        /// Address to listen on; port 0 takes a free one.
        pub listen: SocketAddr = DEFAULT_LISTEN, common();
        /// Makes an admin key at the first start and prints it. Turn it off where standard output ends up in a log.
        pub first_key: bool = true, common();
        /// Adds the agent main at the first start.
        pub first_agent: bool = true;
        /// Time that the gateway goes on serving after it was told to stop, while /ready answers 503.
        ///
        /// A load balancer takes this time to notice.
        pub stop_delay: Duration = Duration::ZERO, common();
        /// Longest time of running calls when the gateway stops.
        pub drain_limit: Duration = seconds(10), common();
    }
    with {
        /// The database, where it is not in the folder.
        pub database: DatabaseSettings;
        /// Other gateways on the same database.
        pub cluster: ClusterSettings;
        /// The certificate.
        pub tls: TlsSettings;
        /// Names of the gateway, and web pages that may use it.
        pub http: HttpSettings;
        /// The console, and the sessions of browsers.
        pub console: ConsoleSettings;
        /// Connections of workers.
        pub worker: WorkerSettings;
        /// Time limits of calls.
        pub calls: CallSettings;
        /// Rates and quotas.
        pub limits: Limits;
        /// The record of every call.
        pub journal: JournalSettings;
        /// The record of administrative changes, sign-ins and refusals.
        pub audit: AuditSettings;
        /// Answers under idempotency keys.
        pub idempotency: IdempotencySettings;
        /// Callers over gateway RPC.
        pub rpc: RpcSettings;
        /// Dashboards.
        pub feed: FeedSettings;
        /// Dashboards with tokens of the application.
        pub dashboard_tokens: DashboardTokenSettings;
        /// Agents with sessions.
        pub runtime: RuntimeSettings;
        /// Clients of the Model Context Protocol.
        pub mcp: McpSettings;
        /// Conversations with agents.
        pub chat: ChatSettings;
        /// Models of agents.
        pub model: ModelSettings;
        /// The log.
        pub log: LogSettings;
        /// Calls as spans.
        pub otlp: OtlpSettings;
    }
}

/// The places that settings come from.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// The configuration file.
    pub file: Option<&'a Path>,
    /// Values of flags and variables by the names of the settings. [`Setting::parse`] has accepted each.
    pub given: BTreeMap<String, Value>,
    /// The names of those that came from a variable, and not from a flag.
    pub variables: BTreeSet<String>,
    /// The sections that are read, if not all of them.
    pub sections: Option<&'a [&'a str]>,
}

impl Settings {
    /// Puts flags and environment over a configuration file. Secrets come from the environment.
    ///
    /// # Errors
    /// The file cannot be read or has an unknown key, or a value does not fit. The error has the setting, the value, its source, and the
    /// values that fit.
    pub fn load(sources: &Sources<'_>) -> Result<Self, Error> {
        Self::load_with_origins(sources).map(|(settings, _)| settings)
    }

    /// The same, with the source of each value that is no default.
    ///
    /// # Errors
    /// Like [`Settings::load`].
    pub fn load_with_origins(sources: &Sources<'_>) -> Result<(Self, SettingOrigins), Error> {
        Self::load_with(sources, |name| std::env::var(name).ok())
    }

    fn load_with(
        sources: &Sources<'_>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, SettingOrigins), Error> {
        let (mut settings, mut origins) = (Self::default(), SettingOrigins::new());
        let mut known = BTreeMap::new();
        settings.visit(&mut |section| _ = known.insert(section.path(), section.settings()));
        let in_file = sources.file.map(|file| file::read(file, known)).transpose()?.unwrap_or_default();
        let mut outcome = Ok(());
        settings.visit(&mut |section| {
            if sources.sections.is_some_and(|read| !read.contains(&section.path())) {
                return;
            }
            for setting in section.settings() {
                let entry = entry(&setting, sources, &in_file, &variable);
                if let Some(entry) = entry.filter(|_| outcome.is_ok()) {
                    let set = section.set(&setting, &entry.value);
                    outcome = set.map_err(|reason| entry.refused(&setting, &reason));
                    origins.insert(setting.name(), entry.origin);
                }
            }
        });
        outcome.and_then(|()| settings.check())?;
        Ok((settings, origins))
    }

    /// Checks rules that are about more than one setting.
    fn check(&self) -> Result<(), Error> {
        self.database.check(self.data.as_deref())?;
        self.cluster.check(&self.database)?;
        self.tls.check()?;
        self.rpc.check()?;
        self.runtime.check()?;
        self.log.check()?;
        self.otlp.check()
    }

    /// The settings as a configuration file. Secrets are not in it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        self.clone().visit(&mut |section| {
            let values =
                section.settings().into_iter().filter_map(|setting| Some((setting.key(), section.get(&setting)?)));
            for (index, (key, value)) in values.enumerate() {
                if index == 0 && !section.path().is_empty() {
                    let _ = writeln!(text, "\n[{}]", section.path());
                }
                let _ = writeln!(text, "{key} = {value}");
            }
        });
        text
    }

    /// All settings with the titles of their sections.
    #[must_use]
    pub fn declared() -> Vec<(&'static str, Setting)> {
        let mut declared = Vec::new();
        Self::default().visit(&mut |section| {
            declared.extend(section.settings().into_iter().map(|setting| (section.title(), setting)));
        });
        declared
    }

    /// The value of a setting as it stands in a file.
    #[must_use]
    pub fn value_of(&self, wanted: &Setting) -> Option<Value> {
        let mut found = None;
        self.clone().visit(&mut |section| {
            if section.path() == wanted.path() {
                found = section.get(wanted);
            }
        });
        found
    }

    /// The value of a setting in words. `None` for a secret, and for a setting without a value.
    #[must_use]
    pub fn text_of(&self, setting: &Setting) -> Option<String> {
        self.value_of(setting).map(|value| shown(&value))
    }

    /// The default of a setting in words, if there is one.
    #[must_use]
    pub fn default_of(setting: &Setting) -> Option<String> {
        let default = || Self::default().text_of(setting).filter(|text| !text.is_empty());
        setting.default_text.map(str::to_owned).or_else(default)
    }
}

/// The address of the program, unless another is set.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3100);

/// The value of a setting, from the first source that has one.
fn entry(
    setting: &Setting,
    sources: &Sources<'_>,
    in_file: &BTreeMap<String, FileEntry>,
    variable: &impl Fn(&str) -> Option<String>,
) -> Option<FileEntry> {
    let named = |name: &str| {
        let text = variable(name).filter(|text| !text.is_empty())?;
        let (place, origin) = (format!("the variable {name} is wrong"), SettingOrigin::Variable(name.to_owned()));
        Some(FileEntry { value: Value::String(text), place, origin })
    };
    let given = sources.given.get(&setting.name()).map(|value| {
        let is_variable = sources.variables.contains(&setting.name());
        let (flag, variable) = (format!("--{}", setting.flag()), setting.variable());
        let origin = if is_variable { SettingOrigin::Variable(variable) } else { SettingOrigin::Flag(flag) };
        FileEntry { value: value.clone(), place: "a flag or a variable is wrong".to_owned(), origin }
    });
    given
        .or_else(|| setting.is_secret().then(|| named(&setting.variable())).flatten())
        .or_else(|| setting.fallback.filter(|(_, is_in_effect)| *is_in_effect).and_then(|(name, _)| named(name)))
        .or_else(|| in_file.get(&setting.name()).cloned())
}
