//! [`SpanExporter`]: observes the calls of a gateway, and exports them as spans until it is closed.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;
use platools_gateway::Builder;
use platools_gateway::ports::call_observer::{CallObserver, EndedCall};
use platools_gateway::settings::OtlpSettings;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::client::Collector;
use super::sender::{Export, LostSpans, SpanSender};
use super::span::span;

/// The number of spans that wait for the task before further ones are lost; a span takes less than 2 KiB.
const QUEUE: usize = 4096;

/// The longest time for the last spans when the gateway stops.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// Sends calls to a collector, if there is one.
pub(crate) struct SpanExporter(Option<Running>);

struct Running {
    spans: Arc<Spans>,
    sample_ratio: f64,
    closing: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl SpanExporter {
    /// Begins to send on the current tokio runtime. Whether the collector is there is seen when there is something to send.
    ///
    /// # Errors
    /// The settings, or variables of the OpenTelemetry standard, cannot be used.
    pub(crate) fn start(settings: &OtlpSettings) -> anyhow::Result<Self> {
        let Some(endpoint) = &settings.endpoint else { return Ok(Self(None)) };
        let collector = Collector::new(endpoint, &settings.service_name)?;
        tracing::info!(endpoint, "calls are sent to the collector as spans");
        Ok(Self::sending_to(collector, settings.sample_ratio))
    }

    fn sending_to(collector: impl Export + Send + Sync + 'static, sample_ratio: f64) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (losses, closing) = (Arc::<LostSpans>::default(), CancellationToken::new());
        let sender = SpanSender::new(collector, waiting, closing.clone(), Arc::clone(&losses));
        let task = AbortOnDropHandle::new(tokio::spawn(sender.run()));
        let spans = Arc::new(Spans { queue, losses, scope: scope() });
        Self(Some(Running { spans, sample_ratio, closing, task }))
    }

    /// Observes the calls of a gateway.
    pub(crate) fn observe(&self, setup: Builder) -> Builder {
        match &self.0 {
            Some(running) => setup
                .trace_ratio(running.sample_ratio)
                .observe_calls(Arc::clone(&running.spans) as Arc<dyn CallObserver>),
            None => setup,
        }
    }

    /// Sends the waiting spans, and ends.
    pub(crate) async fn close(self) {
        let Some(running) = self.0 else { return };
        running.closing.cancel();
        if timeout(LAST_EXPORT, running.task).await.is_err() {
            tracing::warn!("last spans not sent in time and lost");
        }
    }
}

/// Makes spans of calls, and leaves them to the task.
#[derive(Debug)]
struct Spans {
    queue: mpsc::Sender<SpanData>,
    losses: Arc<LostSpans>,
    scope: InstrumentationScope,
}

impl CallObserver for Spans {
    fn call_ended(&self, call: &EndedCall<'_>) {
        if call.trace.is_sampled() && self.queue.try_send(span(call, &self.scope)).is_err() {
            self.losses.add(1);
        }
    }
}

/// The instrumentation scope of the spans.
fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build()
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Mutex;

    use tokio::time::Instant;

    use super::super::span::sample;
    use super::*;

    #[derive(Clone, Default)]
    struct Taking(Arc<Mutex<Vec<SpanData>>>);

    impl Export for Taking {
        async fn export(&self, spans: Vec<SpanData>) -> Result<(), String> {
            self.0.lock().unwrap().extend(spans);
            Ok(())
        }
    }

    struct Hanging;

    impl Export for Hanging {
        async fn export(&self, _spans: Vec<SpanData>) -> Result<(), String> {
            pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_hangs_holds_up_the_end_for_a_moment_only() {
        let exporter = SpanExporter::sending_to(Hanging, 1.0);
        let running = exporter.0.as_ref().unwrap();
        running.spans.queue.try_send(sample()).unwrap();
        let begun = Instant::now();
        exporter.close().await;
        assert!(begun.elapsed() <= LAST_EXPORT + Duration::from_millis(1), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_sent_at_the_end_without_waiting_for_more() {
        let taking = Taking::default();
        let exporter = SpanExporter::sending_to(taking.clone(), 1.0);
        exporter.0.as_ref().unwrap().spans.queue.try_send(sample()).unwrap();
        let begun = Instant::now();
        exporter.close().await;
        assert_eq!(taking.0.lock().unwrap().len(), 1);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
