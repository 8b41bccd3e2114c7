//! `SpanExporter`: sends calls as spans to an OpenTelemetry collector, with the feature `otlp`. Each call that ended and belongs to a
//! sampled trace is one span.
//!
//! A call puts its span into a bounded queue and does not wait. One task, `SpanSender`, sends spans in batches. When the collector is slow
//! or away, spans are lost and counted.

#[cfg(feature = "otlp")]
mod client;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod sender;
#[cfg(feature = "otlp")]
mod span;

#[cfg(feature = "otlp")]
pub(crate) use exporter::SpanExporter;
#[cfg(not(feature = "otlp"))]
pub(crate) use nothing::SpanExporter;

#[cfg(not(feature = "otlp"))]
mod nothing {
    use platools_gateway::Builder;
    use platools_gateway::settings::OtlpSettings;

    /// Sends nothing anywhere; the settings allow nothing else.
    pub(crate) struct SpanExporter;

    impl SpanExporter {
        pub(crate) fn start(_settings: &OtlpSettings) -> anyhow::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn observe(&self, setup: Builder) -> Builder {
            setup
        }

        pub(crate) async fn close(self) {}
    }
}
