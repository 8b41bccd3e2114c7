//! Calls as spans for an OpenTelemetry collector: one span for each call that ended and belongs to a trace that is recorded.
//!
//! A call leaves its span in a bounded queue and goes on. One task takes spans off the queue and sends many at a time. When the
//! collector cannot keep up or is away, spans are lost and counted, and no call waits. All this is there with the feature `otlp` only.

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
