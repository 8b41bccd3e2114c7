//! [`Collector`]: sends spans to an OpenTelemetry collector over HTTP with protocol buffers.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Uri;
use opentelemetry::KeyValue;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use platools_gateway::net::Connector;

use super::sender::Export;

/// The longest time for a batch, with all its attempts. The standard's default.
const EXPORT_LIMIT: Duration = Duration::from_secs(10);

/// A collector, with the headers that the environment has for it.
pub(super) struct Collector {
    exporter: SpanExporter,
    cause: SharedCause,
}

/// The cause of the last failed connection to the collector: the exporter says only that the network failed.
type SharedCause = Arc<Mutex<Option<String>>>;

impl Collector {
    pub(super) fn new(endpoint: &str, service_name: &str) -> anyhow::Result<Self> {
        let cause = SharedCause::default();
        // The settings refuse other texts.
        let url: Uri = endpoint.parse().context("the collector's URL cannot be read")?;
        let connector = Connector::new(&url)?;
        let client = Client { inner: HyperClient::new(connector, EXPORT_LIMIT, None), cause: Arc::clone(&cause) };
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(EXPORT_LIMIT)
            .build()
            .context("spans cannot be sent with these settings")?;
        exporter.set_resource(&resource(service_name));
        Ok(Self { exporter, cause })
    }
}

impl Export for Collector {
    async fn export(&self, spans: Vec<SpanData>) -> Result<(), String> {
        let result = self.exporter.export(spans).await;
        let cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.map_err(|error| match (error, cause) {
            (_, Some(cause)) => cause,
            (OTelSdkError::InternalFailure(text), None) => text,
            (error, None) => error.to_string(),
        })
    }
}

/// The resource that sends the spans, with the standard's OTEL_RESOURCE_ATTRIBUTES.
fn resource(service_name: &str) -> Resource {
    Resource::builder()
        .with_service_name(service_name.to_owned())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Keeps why a request failed.
struct Client {
    inner: HyperClient<Connector>,
    cause: SharedCause,
}

impl HttpClient for Client {
    // The expansion of `async_trait`.
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let response = self.inner.send_bytes(request).await;
            *self.cause.lock().unwrap_or_else(PoisonError::into_inner) =
                response.as_ref().err().map(|error| causes(&**error));
            response
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// An error with its causes.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
