//! [`TlsSettings`], [`WorkerSettings`], [`LogSettings`] and [`OtlpSettings`]: sections of the settings that no service owns, only the
//! program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use tracing_subscriber::EnvFilter;

use super::check::{http_url, refused};
use super::section::section;
use super::value::{minutes, seconds, words};
use crate::domain::error::Error;

section! {
    /// The certificate of the gateway. Without one, it speaks plain HTTP. See [TLS](gateway.md#tls).
    #[derive(PartialEq, Eq)]
    pub struct TlsSettings: "tls" titled "TLS" {
        /// PEM file of the certificate, followed by those of its issuers.
        pub certificate: Option<PathBuf> = None, example("/etc/platools/tls/certificate.pem"), common();
        /// PEM file of the certificate's private key.
        pub key: Option<PathBuf> = None, example("/etc/platools/tls/key.pem"), common();
    }
}

impl TlsSettings {
    /// The files of the certificate and its key, if TLS is spoken.
    #[must_use]
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => Err(refused("`tls.certificate` is set and `tls.key` is not; TLS takes both")),
            (None, Some(_)) => Err(refused("`tls.key` is set and `tls.certificate` is not; TLS takes both")),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}

section! {
    /// Connections of workers.
    #[derive(Copy, PartialEq, Eq)]
    pub struct WorkerSettings: "worker" titled "Workers" {
        /// Time without a frame after which a worker counts as gone. Workers send a heartbeat every 30 seconds.
        pub silence: Duration = minutes(2), at_least("1s");
        /// Time without reading after which a worker counts as gone.
        pub stall: Duration = seconds(30), at_least("1s");
    }
}

section! {
    /// The log on standard error.
    pub struct LogSettings: "log" titled "Log" {
        /// Form of the log: pretty, a line for people, or json, an object on a line.
        pub format: LogFormat = LogFormat::default(), common();
        /// Filter of the log, such as debug or info,platools_gateway=debug.
        ///
        /// It has the syntax of [`EnvFilter`](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html).
        pub filter: String = "info,sqlx=warn".to_owned(), shaped("FILTER"), or_variable("RUST_LOG", true), common();
    }
}

impl LogSettings {
    pub(super) fn check(&self) -> Result<(), Error> {
        let filter = EnvFilter::try_new(&self.filter);
        filter.map(drop).map_err(|error| refused(format!("`log.filter` is no filter: {:?}: {error}", self.filter)))
    }
}

words! {
    /// The form of the log.
    pub enum LogFormat: "`pretty` or `json`" {
        /// A line for people.
        #[default]
        Pretty = "pretty",
        /// A JSON object on a line of its own.
        Json = "json",
    }
}

section! {
    /// Calls as spans for an OpenTelemetry collector. See [traces](gateway.md#traces).
    pub struct OtlpSettings: "otlp" titled "OpenTelemetry" {
        /// Collector that receives calls as spans, such as http://127.0.0.1:4318.
        ///
        /// Headers of requests to it are secrets: they are in `OTEL_EXPORTER_OTLP_HEADERS`.
        pub endpoint: Option<String> = None, shaped("URL"), example("http://127.0.0.1:4318"), or_variable("OTEL_EXPORTER_OTLP_ENDPOINT", cfg!(feature = "otlp"));
        /// Name of the gateway at the collector.
        pub service_name: String = "platools-gateway".to_owned(), shaped("NAME"), or_variable("OTEL_SERVICE_NAME", cfg!(feature = "otlp"));
        /// Share of the calls without a traceparent that are sent, from 0 to 1.
        pub sample_ratio: f64 = 1.0, shaped("RATIO");
    }
}

/// Variables of the standard with the headers of requests to a collector. The first that is set counts.
const HEADER_VARIABLES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];

impl OtlpSettings {
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(endpoint) = &self.endpoint {
            if !cfg!(feature = "otlp") {
                let message = "`otlp.endpoint` is set, but this program was built without OpenTelemetry; build it with `cargo build \
                               --release -p platools-gateway --features otlp`, or take the setting out";
                return Err(refused(message));
            }
            check_endpoint(endpoint)?;
            check_headers(|name| std::env::var(name).ok())?;
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            let message = format!("`otlp.sample_ratio` is {}; it takes a number from 0 to 1", self.sample_ratio);
            return Err(refused(message));
        }
        Ok(())
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), Error> {
    http_url("otlp.endpoint", endpoint, "http://127.0.0.1:4318", HEADER_VARIABLES[1]).map(drop)
}

/// Refuses headers that would be left out silently.
fn check_headers(variable: impl Fn(&str) -> Option<String>) -> Result<(), Error> {
    let Some((name, headers)) = HEADER_VARIABLES.iter().find_map(|name| Some((name, variable(name)?))) else {
        return Ok(());
    };
    let is_header = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, value)| {
            name.trim().parse::<HeaderName>().is_ok() && value.trim().parse::<HeaderValue>().is_ok()
        })
    };
    match headers.split_terminator(',').position(|pair| !is_header(pair)) {
        Some(at) => {
            let number = at + 1;
            Err(refused(format!(
                "{name} takes pairs such as `api-key=…`, with commas between them; number {number} is none"
            )))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_refused_by_a_program_that_has_no_use_for_it() {
        let otlp = OtlpSettings { endpoint: Some("http://127.0.0.1:4318".to_owned()), ..OtlpSettings::default() };
        if cfg!(feature = "otlp") {
            otlp.check().unwrap();
        } else {
            let error = otlp.check().unwrap_err().to_string();
            assert!(error.contains("--features otlp"), "{error}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_without_secrets_and_is_not_repeated() {
        for endpoint in ["http://127.0.0.1:4318", "https://otlp.example.com/tenant/", "http://[::1]:4318"] {
            check_endpoint(endpoint).unwrap();
        }
        for (endpoint, part) in [
            ("secret", "is not an HTTP URL"),
            ("secret.example.com:4318", "is not an HTTP URL"),
            ("ftp://secret.example.com", "is not an HTTP URL"),
            ("http://secret.example.com/#a", "is not an HTTP URL"),
            ("http://secret example.com", "is not an HTTP URL"),
            ("http://user:secret@example.com", "OTEL_EXPORTER_OTLP_HEADERS"),
            ("http://example.com/?token=secret", "OTEL_EXPORTER_OTLP_HEADERS"),
        ] {
            let error = format!("{:?}", check_endpoint(endpoint).unwrap_err());
            assert!(error.contains(part) && !error.contains("secret"), "{endpoint}: {error}");
        }
    }

    #[test]
    fn headers_are_pairs_and_are_not_repeated() {
        let check = |headers: &str| check_headers(|name| (name == HEADER_VARIABLES[1]).then(|| headers.to_owned()));
        for headers in ["", "api-key=secret", "api-key=secret, x-scope=a%20b", "a=b=c,", "a="] {
            check(headers).unwrap();
        }
        for headers in ["secret", "a=b,secret", "sec ret=b", "a=b,=secret", "a=sec\nret"] {
            let error = check(headers).map(|()| headers).unwrap_err().to_string();
            assert!(error.contains("OTEL_EXPORTER_OTLP_HEADERS") && !error.contains("ret"), "{headers}: {error}");
        }
    }

    #[test]
    fn headers_for_traces_go_before_those_for_everything() {
        let error = check_headers(|name| Some(if name == HEADER_VARIABLES[0] { "none" } else { "a=b" }.to_owned()));
        assert!(error.unwrap_err().to_string().contains(HEADER_VARIABLES[0]));
    }
}
