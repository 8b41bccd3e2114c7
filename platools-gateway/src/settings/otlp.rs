//! Where calls go as spans.

use anyhow::{Context as _, ensure};
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

const DEFAULT_SERVICE_NAME: &str = "platools-gateway";

/// What is wrong with an endpoint is not repeated in an error: there may be a password in it.
const NO_ENDPOINT: &str = "`otlp.endpoint` is no collector's URL; it takes one such as \"http://127.0.0.1:4318\"";

/// Where the standard has the headers of requests to a collector. The first that is there counts.
const HEADER_VARIABLES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];

/// Where calls go as spans. Headers of a collector are secrets: only the environment has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Otlp {
    /// The collector. Default: none, so that nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// What the gateway is called there. Default: `platools-gateway`.
    pub(crate) service_name: String,
    /// How many of the calls without a `traceparent` are sent, from 0 to 1. Default: all of them.
    pub(crate) sample_ratio: f64,
}

impl Default for Otlp {
    fn default() -> Self {
        Self { endpoint: None, service_name: DEFAULT_SERVICE_NAME.to_owned(), sample_ratio: 1.0 }
    }
}

impl Otlp {
    pub(super) fn checked(self) -> anyhow::Result<Self> {
        // An empty one takes back what is said below it.
        let endpoint = self.endpoint.filter(|endpoint| !endpoint.is_empty());
        if let Some(endpoint) = &endpoint {
            ensure!(
                cfg!(feature = "otlp"),
                "`otlp.endpoint` is set, but this program was built without OpenTelemetry; build it with `cargo build \
                 --release -p platools-gateway --features otlp`, or take the setting out"
            );
            check_endpoint(endpoint)?;
            check_headers(|name| std::env::var(name).ok())?;
        }
        ensure!(
            (0.0..=1.0).contains(&self.sample_ratio),
            "`otlp.sample_ratio` is {}; it takes a number from 0 to 1",
            self.sample_ratio
        );
        Ok(Self { endpoint, ..self })
    }
}

fn check_endpoint(endpoint: &str) -> anyhow::Result<()> {
    let url: Uri = endpoint.parse().ok().context(NO_ENDPOINT)?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    ensure!(is_http && !endpoint.contains('#'), NO_ENDPOINT);
    let has_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
    ensure!(
        !has_user && url.query().is_none(),
        "`otlp.endpoint` takes no password and no query; what lets the gateway in belongs into OTEL_EXPORTER_OTLP_HEADERS"
    );
    Ok(())
}

/// Refuses headers that would be left out without a word.
fn check_headers(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    let Some((name, headers)) = HEADER_VARIABLES.iter().find_map(|name| Some((name, variable(name)?))) else {
        return Ok(());
    };
    for (at, pair) in headers.split_terminator(',').enumerate() {
        let is_header = pair.split_once('=').is_some_and(|(name, value)| {
            name.trim().parse::<HeaderName>().is_ok() && value.trim().parse::<HeaderValue>().is_ok()
        });
        ensure!(
            is_header,
            "{name} takes pairs such as `api-key=…`, with commas between them; number {} is none",
            at + 1
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(endpoint: &str) -> anyhow::Result<Otlp> {
        Otlp { endpoint: Some(endpoint.to_owned()), ..Otlp::default() }.checked()
    }

    #[test]
    fn an_endpoint_is_refused_by_a_program_that_has_no_use_for_it() {
        let checked = checked("http://127.0.0.1:4318");
        if cfg!(feature = "otlp") {
            assert_eq!(checked.unwrap().endpoint.as_deref(), Some("http://127.0.0.1:4318"));
        } else {
            let error = checked.unwrap_err().to_string();
            assert!(error.contains("--features otlp"), "{error}");
        }
    }

    #[test]
    fn an_empty_endpoint_is_none() {
        assert_eq!(checked("").unwrap().endpoint, None);
    }

    #[test]
    fn an_endpoint_is_a_url_without_secrets_and_is_not_repeated() {
        for endpoint in ["http://127.0.0.1:4318", "https://otlp.example.com/tenant/", "http://[::1]:4318"] {
            check_endpoint(endpoint).unwrap();
        }
        for (endpoint, part) in [
            ("secret", "no collector's URL"),
            ("secret.example.com:4318", "no collector's URL"),
            ("ftp://secret.example.com", "no collector's URL"),
            ("http://secret.example.com/#a", "no collector's URL"),
            ("http://secret example.com", "no collector's URL"),
            ("http://user:secret@example.com", "OTEL_EXPORTER_OTLP_HEADERS"),
            ("http://example.com/?token=secret", "OTEL_EXPORTER_OTLP_HEADERS"),
        ] {
            let error = format!("{:#}", check_endpoint(endpoint).unwrap_err());
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
