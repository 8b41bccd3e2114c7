//! What `serve` can be told, from three places: flags go before the environment, and that before the configuration file.

mod given;
mod otlp;
mod span;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

pub(crate) use given::{Given, GivenLog, LogFormat};
pub(crate) use otlp::Otlp;
use span::Span;

/// The address of `serve` and `dev`, unless they are told another.
pub(crate) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 3100);

const DEFAULT_LOG_FILTER: &str = "info,sqlx=warn";

/// Less than a worker needs to say anything.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);

/// How a gateway runs. Printed, this is a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Settings {
    /// Folder of the database. There is no default.
    pub(crate) data: PathBuf,
    /// Address to listen on. Default: 127.0.0.1:3100.
    pub(crate) listen: SocketAddr,
    /// Whether the first start makes an admin's key and prints it. Default: yes.
    pub(crate) first_key: bool,
    /// How long calls may take to end when the gateway stops. Default: 10 seconds.
    pub(crate) drain_limit: Span,
    /// The gateway's patience with workers.
    pub(crate) worker: Worker,
    /// What is logged.
    pub(crate) log: Log,
    /// Where calls go as spans.
    pub(crate) otlp: Otlp,
}

/// The gateway's patience with workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Worker {
    /// How long a worker may be silent before it counts as gone. Default: 2 minutes.
    pub(crate) silence: Span,
    /// How long a worker may take nothing of what is sent to it before it counts as gone. Default: 30 seconds.
    pub(crate) stall: Span,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Log {
    /// For people or for programs. Default: for people.
    pub(crate) format: LogFormat,
    /// What is worth a line, as `tracing_subscriber::EnvFilter` has it. Default: `info,sqlx=warn`.
    pub(crate) filter: String,
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
        Self::complete(given.over(in_file))
    }

    fn complete(given: Given) -> anyhow::Result<Self> {
        let settings = Self {
            data: given.data.context(
                "say where to keep the data: `--data FOLDER`, PLATOOLS_GATEWAY_DATA, or `data` in the configuration file",
            )?,
            listen: given.listen.unwrap_or(DEFAULT_LISTEN),
            first_key: given.first_key.unwrap_or(true),
            drain_limit: given.drain_limit.unwrap_or(Span::from_secs(10)),
            worker: Worker {
                silence: given.worker.silence.unwrap_or(Span::from_secs(120)),
                stall: given.worker.stall.unwrap_or(Span::from_secs(30)),
            },
            log: Log::complete(given.log)?,
            otlp: Otlp::complete(given.otlp)?,
        };
        for (name, span) in [("silence", settings.worker.silence), ("stall", settings.worker.stall)] {
            ensure!(span.get() >= SHORTEST_PATIENCE, "`worker.{name}` is {span}; it takes at least 1s");
        }
        Ok(settings)
    }
}

impl Log {
    /// What is logged by a command without a configuration file.
    ///
    /// # Errors
    /// The filter is malformed.
    pub(crate) fn load(given: GivenLog) -> anyhow::Result<Self> {
        Self::complete(given.or_rust_log())
    }

    fn complete(given: GivenLog) -> anyhow::Result<Self> {
        let filter = given.filter.unwrap_or_else(|| DEFAULT_LOG_FILTER.to_owned());
        EnvFilter::try_new(&filter).with_context(|| format!("`log.filter` is no filter: {filter:?}"))?;
        Ok(Self { format: given.format.unwrap_or_default(), filter })
    }
}

#[cfg(test)]
mod tests {
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
        let settings = load(Given::default(), "data = '/d'").unwrap();
        let printed = toml::to_string(&settings).unwrap();
        assert_eq!(load(Given::default(), &printed).unwrap(), settings);
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
            ("data = '/d'\n[log]\nfilter = 'info=x=y'", "`log.filter` is no filter"),
            ("data = '/d'\n[log]\nformat = 'xml'", "line 3"),
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
