//! [`open_metrics`]: writes the metrics of a gateway for Prometheus. Each metric has its name, its help text and its labels here; its value
//! comes from [`Figures`].

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::call_figures::{LATENCY_BOUNDS, ToolFigures};
use super::figures::{ClusterFigures, Figures, GatewayFigures};
use crate::cluster::BusFigures;
use crate::connections::OpenSockets;
use crate::domain::identity::Identity;
use crate::links::ConnectedWorker;

/// The media type of OpenMetrics, the text format that Prometheus reads.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes figures as a text in the format OpenMetrics.
pub(crate) fn open_metrics(figures: Figures) -> String {
    let mut registry = Registry::with_prefix("platools");
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes everything");
    text
}

/// The labels of figures that exist only once.
const NO_LABELS: [(&str, &str); 0] = [];

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let info = [("version", env!("CARGO_PKG_VERSION"))];
        gauges(encoder, "build_info", "The gateway's version", None, [(info, 1_u64)])?;
        gauges(encoder, "sessions", "Agents with a session", None, [(NO_LABELS, self.sessions)])?;
        gauges(encoder, "agent_sockets", "Sockets of agents with sessions", None, [(NO_LABELS, self.agent_sockets)])?;
        self.encode_workers(encoder)?;
        self.encode_calls(encoder)?;
        self.encode_health(encoder)?;
        self.gateway.as_ref().map_or(Ok(()), |gateway| gateway.encode(encoder))
    }
}

impl Figures {
    fn encode_workers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // Those of a pool count together.
        let mut sums = BTreeMap::<_, (usize, usize, usize)>::new();
        for worker in &self.workers {
            let Identity { entity, environment, .. } = &worker.identity;
            let (workers, in_flight, queued) = sums.entry((&**entity, &**environment)).or_default();
            *workers += 1;
            *in_flight += worker.calls_in_flight;
            *queued += worker.calls_queued;
        }
        let by_entity = |number: fn(&(usize, usize, usize)) -> usize| {
            let sums = sums.iter();
            sums.map(move |((entity, environment), sums)| {
                ([("entity", *entity), ("environment", *environment)], number(sums))
            })
        };
        gauges(encoder, "workers", "Connected workers", None, by_entity(|sums| sums.0))?;
        gauges(encoder, "calls_in_flight", "Calls that workers have not answered", None, by_entity(|sums| sums.1))?;
        gauges(encoder, "calls_queued", "Calls that wait for a worker's socket", None, by_entity(|sums| sums.2))?;
        let takeovers: BTreeMap<_, _> = self.workers.iter().map(takeovers).collect();
        counters(encoder, "worker_takeovers", "Takeovers among the workers of an entity", takeovers)
    }

    fn encode_health(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Health of tools as workers report it: 0 healthy, 1 degraded, 2 down; of a pool, the worst";
        let figures = self.health.iter().map(|figure| {
            let Identity { entity, environment, .. } = &*figure.identity;
            ([("entity", &**entity), ("environment", environment), ("tool", &figure.tool.name)], figure.severity)
        });
        gauges(encoder, "tool_health", help, None, figures.map(|(labels, severity)| (labels, u32::from(severity))))
    }

    fn encode_calls(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let ended = self.calls.iter().flat_map(|call| {
            let [entity, environment, tool] = labels(call);
            call.outcomes
                .iter()
                .map(move |(outcome, number)| ([entity, environment, tool, ("outcome", *outcome)], *number))
        });
        counters(encoder, "calls", "Calls that ended", ended)?;
        let help = "How long calls took, from the request to the answer";
        let mut family =
            encoder.encode_descriptor("call_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for call in &self.calls {
            let bounds = LATENCY_BOUNDS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(call.latencies).collect();
            let count = call.latencies.iter().sum();
            let labels = labels(call);
            let mut metric = family.encode_family(&labels)?;
            metric.encode_histogram::<NoLabelSet>(call.total.as_secs_f64(), count, &buckets, None)?;
        }
        Ok(())
    }
}

/// The labels of a worker's entity and environment, and how often workers there took each other's place.
fn takeovers(worker: &ConnectedWorker) -> ([(&str, &str); 2], u64) {
    let Identity { entity, environment, .. } = &worker.identity;
    ([("entity", entity), ("environment", environment)], worker.takeovers_total)
}

impl GatewayFigures {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        gauges(encoder, "connections", "Open connections", None, [(NO_LABELS, self.connections)])?;
        gauges(encoder, "callers", "Callers on sockets of their own", None, [(NO_LABELS, self.callers)])?;
        let watched = [(NO_LABELS, self.watched_agents)];
        let OpenSockets { callers, dashboards, agents, workers, .. } = self.sockets;
        let sockets = [("caller", callers), ("dashboard", dashboards), ("agent", agents), ("worker", workers)];
        let sockets = sockets.map(|(kind, number)| ([("kind", kind)], number));
        gauges(encoder, "websockets", "Open WebSockets", None, sockets)?;
        gauges(encoder, "watched_agents", "Agents that a dashboard watches", None, watched)?;
        let help = "Events that callers at /ws missed, because they read too slowly";
        counters(encoder, "events_dropped", help, [(NO_LABELS, self.dropped_events)])?;
        self.encode_journal(encoder)?;
        self.encode_agent_events(encoder)?;
        self.cluster.map_or(Ok(()), |cluster| cluster.encode(encoder))?;
        let refused = self.refused.iter().map(|(limit, number)| ([("limit", *limit)], *number));
        counters(encoder, "refused", "Requests, connections and attempts over a limit", refused)
    }

    fn encode_agent_events(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let events = &self.agent_events;
        let outcomes = [("handled", events.handled), ("panicked", events.panicked), ("dropped", events.dropped)];
        let help = "Custom events of agents, for each handler of the program that embeds the gateway";
        counters(encoder, "agent_events", help, outcomes.map(|(outcome, number)| ([("outcome", outcome)], number)))
    }

    fn encode_journal(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let journal = &self.journal;
        counters(encoder, "journal_written", "Calls written into the journal", [(NO_LABELS, journal.written)])?;
        counters(
            encoder,
            "journal_lost",
            "Calls that could not be written into the journal",
            [(NO_LABELS, journal.lost)],
        )?;
        let help = "Calls that were written into the journal without arguments and result, because too much waited";
        counters(encoder, "journal_payloads_dropped", help, [(NO_LABELS, journal.payloads_dropped)])?;
        gauges(encoder, "journal_queued", "Calls that wait for the journal", None, [(NO_LABELS, journal.waiting)])?;
        let help = "How long the oldest call that is not in the journal yet has waited";
        gauges(encoder, "journal_lag", help, Some(&Unit::Seconds), [(NO_LABELS, journal.lag.as_secs_f64())])
    }
}

impl ClusterFigures {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Gateways of the installation that are alive, this one too";
        gauges(encoder, "gateways", help, None, [(NO_LABELS, self.gateways)])?;
        let help = "1 while the gateway is connected to the others over the bus";
        gauges(encoder, "bus_connected", help, None, [(NO_LABELS, u32::from(self.has_bus))])?;
        let help = "1 while the database that the gateways share answers";
        gauges(encoder, "database_connected", help, None, [(NO_LABELS, u32::from(self.has_database))])?;
        let BusFigures { answered, not_delivered, unanswered, gaps, .. } = self.bus;
        let ends = [("answered", answered), ("not_delivered", not_delivered), ("unanswered", unanswered)];
        let ends = ends.map(|(end, number)| ([("end", end)], number));
        counters(encoder, "bus_requests", "Requests to other gateways, by their ends", ends)?;
        let help = "Places where messages of other gateways were lost, by an overflow or with the connection";
        counters(encoder, "bus_gaps", help, [(NO_LABELS, gaps)])
    }
}

fn counters<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    values.into_iter().try_for_each(|(labels, value)| {
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
    })
}

fn gauges<L: EncodeLabelSet, N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    values: impl IntoIterator<Item = (L, N)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    values.into_iter().try_for_each(|(labels, value)| family.encode_family(&labels)?.encode_gauge(&value))
}

fn labels(call: &ToolFigures) -> [(&'static str, &str); 3] {
    [("entity", &call.identity.entity), ("environment", &call.identity.environment), ("tool", &call.tool)]
}
