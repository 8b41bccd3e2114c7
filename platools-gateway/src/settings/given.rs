//! What was said of the settings in one place; the rest is said in another, or has a default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use platools_gateway::Recording;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::audit::GivenAudit;
use super::calls::GivenCalls;
use super::chat::GivenChat;
use super::feed::GivenFeed;
use super::http::GivenHttp;
use super::idempotency::GivenIdempotency;
use super::limits::GivenLimits;
use super::mcp::GivenMcp;
use super::model::GivenModel;
use super::rpc::GivenRpc;
use super::runtime::GivenRuntime;
use super::size::Size;
use super::span::Span;

/// Settings as flags with their variables, and as a file.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Given {
    /// Folder of the database; made if it is not there.
    #[arg(long, value_name = "FOLDER", env = "PLATOOLS_GATEWAY_DATA")]
    pub(super) data: Option<PathBuf>,
    /// File of the keys that sign tokens; made if it is not there. PLATOOLS_GATEWAY_SIGNING_KEYS has the keys themselves instead.
    /// Default: signing-keys.json in the folder of the database.
    #[arg(long, value_name = "FILE", env = "PLATOOLS_GATEWAY_SIGNING_KEY_FILE")]
    pub(super) signing_key_file: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one. Default: 127.0.0.1:3100.
    #[arg(long, value_name = "ADDRESS", env = "PLATOOLS_GATEWAY_LISTEN")]
    pub(super) listen: Option<SocketAddr>,
    /// Whether the first start makes an admin's key and prints it. Default: true.
    #[arg(long, value_name = "BOOL", env = "PLATOOLS_GATEWAY_FIRST_KEY")]
    pub(super) first_key: Option<bool>,
    /// Add the agent `main` at the first start. Default: true.
    #[arg(long, value_name = "BOOL", env = "PLATOOLS_GATEWAY_FIRST_AGENT")]
    pub(super) first_agent: Option<bool>,
    /// How long the gateway goes on serving after it was told to stop, while `/ready` answers 503. Default: 0s.
    #[arg(long, value_name = "TIME", env = "PLATOOLS_GATEWAY_STOP_DELAY")]
    pub(super) stop_delay: Option<Span>,
    /// How long calls may take to end when the gateway stops. Default: 10s.
    #[arg(long, value_name = "TIME", env = "PLATOOLS_GATEWAY_DRAIN_LIMIT")]
    pub(super) drain_limit: Option<Span>,
    #[command(flatten)]
    pub(super) tls: GivenTls,
    #[command(flatten)]
    pub(super) http: GivenHttp,
    #[command(flatten)]
    pub(super) worker: GivenWorker,
    #[command(flatten)]
    pub(super) calls: GivenCalls,
    #[command(flatten)]
    pub(super) limits: GivenLimits,
    #[command(flatten)]
    pub(super) journal: GivenJournal,
    #[command(flatten)]
    pub(super) audit: GivenAudit,
    #[command(flatten)]
    pub(super) idempotency: GivenIdempotency,
    #[command(flatten)]
    pub(super) chat: GivenChat,
    #[command(flatten)]
    pub(super) model: GivenModel,
    #[command(flatten)]
    pub(super) rpc: GivenRpc,
    #[command(flatten)]
    pub(super) feed: GivenFeed,
    #[command(flatten)]
    pub(super) runtime: GivenRuntime,
    #[command(flatten)]
    pub(super) mcp: GivenMcp,
    #[command(flatten)]
    pub(super) log: GivenLog,
    #[command(flatten)]
    pub(super) otlp: GivenOtlp,
}

/// What TLS is served with.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenTls {
    /// PEM file of the certificate, followed by those of its issuers; with it and its key, TLS is served. Default: none.
    #[arg(long = "tls-certificate", value_name = "FILE", env = "PLATOOLS_GATEWAY_TLS_CERTIFICATE")]
    pub(super) certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key. Default: none.
    #[arg(long = "tls-key", value_name = "FILE", env = "PLATOOLS_GATEWAY_TLS_KEY")]
    pub(super) key: Option<PathBuf>,
}

/// The gateway's patience with workers.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenWorker {
    /// How long a worker may be silent before it counts as gone. Default: 2m.
    #[arg(long = "worker-silence", value_name = "TIME", env = "PLATOOLS_GATEWAY_WORKER_SILENCE")]
    pub(super) silence: Option<Span>,
    /// How long a worker may take nothing of what is sent to it before it counts as gone. Default: 30s.
    #[arg(long = "worker-stall", value_name = "TIME", env = "PLATOOLS_GATEWAY_WORKER_STALL")]
    pub(super) stall: Option<Span>,
}

/// What the journal keeps, and how long.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenJournal {
    /// What is kept of arguments and results: `full`, `redacted` or `nothing`. Default: redacted.
    #[arg(long = "journal-recording", value_name = "WHAT", env = "PLATOOLS_GATEWAY_JOURNAL_RECORDING", value_parser = recording)]
    recording: Option<Recording>,
    /// Names of members that are redacted, with commas between them. Default: those that sound secret.
    #[arg(
        long = "journal-sensitive-names",
        value_name = "NAMES",
        env = "PLATOOLS_GATEWAY_JOURNAL_SENSITIVE_NAMES",
        value_delimiter = ','
    )]
    sensitive_names: Option<Vec<String>>,
    /// Longer arguments or results are not kept. Default: 64KiB.
    #[arg(long = "journal-max-payload", value_name = "SIZE", env = "PLATOOLS_GATEWAY_JOURNAL_MAX_PAYLOAD")]
    max_payload: Option<Size>,
    /// How long calls are kept. Default: 30d.
    #[arg(long = "journal-max-age", value_name = "TIME", env = "PLATOOLS_GATEWAY_JOURNAL_MAX_AGE")]
    max_age: Option<Span>,
    /// How much room calls may take. Default: 1GiB.
    #[arg(long = "journal-max-size", value_name = "SIZE", env = "PLATOOLS_GATEWAY_JOURNAL_MAX_SIZE")]
    max_size: Option<Size>,
}

fn recording(name: &str) -> Result<Recording, &'static str> {
    Recording::from_name(name).ok_or("it takes full, redacted or nothing")
}

/// What is logged.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenLog {
    /// For people or for programs. Default: pretty.
    #[arg(long = "log-format", value_name = "FORMAT", env = "PLATOOLS_GATEWAY_LOG_FORMAT")]
    pub(super) format: Option<LogFormat>,
    /// What is worth a line, such as `debug` or `info,platools_gateway=debug`. Default: RUST_LOG, or info,sqlx=warn.
    #[arg(long = "log-filter", value_name = "FILTER", env = "PLATOOLS_GATEWAY_LOG_FILTER")]
    pub(super) filter: Option<String>,
}

/// Where calls go as spans.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenOtlp {
    /// OpenTelemetry collector that calls are sent to as spans, such as http://127.0.0.1:4318. Default:
    /// OTEL_EXPORTER_OTLP_ENDPOINT, or none.
    #[arg(long = "otlp-endpoint", value_name = "URL", env = "PLATOOLS_GATEWAY_OTLP_ENDPOINT")]
    pub(super) endpoint: Option<String>,
    /// What the gateway is called there. Default: OTEL_SERVICE_NAME, or platools-gateway.
    #[arg(long = "otlp-service-name", value_name = "NAME", env = "PLATOOLS_GATEWAY_OTLP_SERVICE_NAME")]
    pub(super) service_name: Option<String>,
    /// How many of the calls without a traceparent are sent, from 0 to 1. Default: 1.
    #[arg(long = "otlp-sample-ratio", value_name = "RATIO", env = "PLATOOLS_GATEWAY_OTLP_SAMPLE_RATIO")]
    pub(super) sample_ratio: Option<f64>,
}

/// Whom logs are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// A line for people.
    #[default]
    Pretty,
    /// A JSON object on a line of its own.
    Json,
}

impl Given {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or has an unknown key or a value that does not fit.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("the configuration file {} cannot be read", file.display()))?;
        // The error has the line and the key.
        toml::from_str(&text).map_err(|error| anyhow!("the configuration file {} is wrong: {error}", file.display()))
    }

    /// The same as a table of those that were said.
    pub(super) fn table(&self) -> anyhow::Result<Table> {
        Table::try_from(self).context("the settings cannot be put together")
    }
}

impl GivenLog {
    /// The filter that other programs take, too, unless this one was told its own.
    pub(super) fn or_rust_log(self) -> Self {
        let rust_log =
            || std::env::var(tracing_subscriber::EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
        Self { filter: self.filter.or_else(rust_log), ..self }
    }
}

impl GivenOtlp {
    /// What the standard's variables say to every program, unless this one was told its own. A program that was built
    /// without OpenTelemetry has nothing to do with them.
    pub(super) fn or_standard_variables(self) -> Self {
        if !cfg!(feature = "otlp") {
            return self;
        }
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        Self {
            endpoint: self.endpoint.or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT")),
            service_name: self.service_name.or_else(|| variable("OTEL_SERVICE_NAME")),
            ..self
        }
    }
}
