//! [`Worker`]: the state of a worker across its reconnects: calls, unconfirmed replies and the registration.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::Reporter;
use super::calls::WorkerCalls;
use super::delivery::Delivery;
use super::handover::Predecessors;
use super::link_thread::{LinkRuntime, LinkThread, has_system_clock};
use super::outbox::Bounds;
use super::registration::Registration;
use crate::dispatch::Limits;
use crate::registry::ToolRegistry;
use platools_protocol::signature::Verifier;
use platools_transport::after;

/// A worker: three state machines without a socket, between which and the present socket a session moves frames.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Tells the workers of this process apart.
    pub(crate) number: u64,
    pub(super) calls: WorkerCalls,
    pub(super) delivery: Delivery,
    pub(super) registration: Registration,
    /// The sockets before the current one, while they are being closed.
    pub(super) predecessors: Predecessors,
    pub(super) reporter: Reporter,
    /// Set once the worker is to stop: it takes no new calls.
    pub(crate) stopping: Option<Stopping>,
    /// The entity and the environment that the platform has last welcomed the worker as.
    pub(crate) scope: (Option<String>, Option<String>),
    drain_limit: Duration,
    /// The runtime of the link's thread; `None` before there is one.
    link_runtime: Option<Arc<LinkRuntime>>,
}

impl Worker {
    pub(crate) fn new(registry: ToolRegistry, settings: Settings, reporter: Reporter) -> Self {
        let Settings { limits, outbox, heartbeat_interval, drain_limit, verify_signatures } = settings;
        Self {
            number: WORKERS.fetch_add(1, Ordering::Relaxed),
            calls: WorkerCalls::new(registry.clone(), limits, verify_signatures.then(Verifier::new)),
            delivery: Delivery::new(outbox, heartbeat_interval, registry.clone(), reporter.clone()),
            registration: Registration::new(registry),
            predecessors: Predecessors::default(),
            reporter,
            stopping: None,
            scope: (None, None),
            drain_limit,
            link_runtime: None,
        }
    }

    /// Prepares the worker for a thread of its own, whose handlers run in the runtime of the caller. `None` if it is to stay a task there:
    /// under a clock that a test controls, or where the system has no thread left.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, or in one without timers.
    pub(crate) fn prepare_link_thread(&mut self) -> Option<LinkThread> {
        let Some(link_runtime) = has_system_clock().then(|| self.link_runtime()).flatten() else {
            self.calls.use_current_runtime();
            return None;
        };
        let app_runtime = Handle::current();
        Some(LinkThread { link_runtime, calls: self.calls.use_link_thread(app_runtime.clone()), app_runtime })
    }

    fn link_runtime(&mut self) -> Option<Arc<LinkRuntime>> {
        if self.link_runtime.is_none() {
            self.link_runtime = LinkRuntime::new()
                .inspect_err(
                    |error| warn!(%error, "link runs on the application's runtime: no thread was started for it"),
                )
                .ok()
                .map(Arc::new);
        }
        self.link_runtime.clone()
    }

    /// Takes in outcomes and late frames while there is no socket. Never returns; cancel-safe.
    pub(crate) async fn between_sockets(&mut self) -> Infallible {
        loop {
            self.calls.watch();
            let due = self.next_tick();
            tokio::select! {
                outcome = self.calls.outcomes.recv() => self.calls.settle(outcome, &mut self.delivery),
                () = at(due) => self.tick(Instant::now()),
                late = self.predecessors.next() => self.calls.handle_late_frame(&late, &mut self.delivery),
            }
        }
    }

    /// Ends calls that were cancelled and have had time enough, and gives up replies that are too old.
    pub(super) fn tick(&mut self, now: Instant) {
        self.calls.tick(now, &mut self.delivery);
        self.delivery.expire(now);
    }

    /// The time of the next [`tick`](Self::tick); `None` while there is nothing to do.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        [self.calls.next_tick(), self.delivery.next_expiry()].into_iter().flatten().min()
    }

    /// Takes no new calls from now on, and ends within the drain limit; the first stop decides when that is.
    pub(crate) fn stop(&mut self, now: Instant) -> Stopping {
        let unfinished = self.calls.drain();
        *self.stopping.get_or_insert_with(|| {
            let limit = self.drain_limit;
            info!(
                calls.unfinished = unfinished,
                drain_limit_ms = limit.as_millis(),
                "worker stops; running calls have until the drain limit"
            );
            Stopping::within(limit, now)
        })
    }

    /// Returns true if a call runs or waits, or a reply is not known to have arrived.
    pub(crate) fn has_work(&self) -> bool {
        !self.calls.are_over() || !self.delivery.is_complete()
    }

    /// Ends every call that runs or waits, with an error as its reply.
    pub(crate) fn cancel_calls(&mut self) {
        let cancelled = self.calls.cancel_all(&mut self.delivery);
        if cancelled > 0 {
            warn!(calls.given_up = cancelled, "calls given up: the worker stops");
        }
    }

    /// The number of replies that are not known to have arrived.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.delivery.unconfirmed()
    }
}

/// The settings of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) outbox: Bounds,
    pub(crate) heartbeat_interval: Duration,
    /// The longest time that a stop takes.
    pub(crate) drain_limit: Duration,
    pub(crate) verify_signatures: bool,
}

/// The times at which a worker that stops ends its calls, and itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopping {
    /// The calls end. The rest of the time is for telling the platform so.
    pub(super) calls_until: Instant,
    /// The worker ends, whatever the platform has read.
    pub(crate) until: Instant,
}

impl Stopping {
    fn within(limit: Duration, now: Instant) -> Self {
        Self { calls_until: after(now, limit.saturating_sub(farewell(limit))), until: after(now, limit) }
    }
}

/// The most time that a stop keeps for telling the platform of calls that it has ended.
const MAX_FAREWELL: Duration = Duration::from_secs(1);

/// Numbers the workers of this process, for its log.
static WORKERS: AtomicU64 = AtomicU64::new(1);

/// The part of a drain limit that is kept for telling the platform of calls that were ended.
pub(crate) fn farewell(limit: Duration) -> Duration {
    (limit / 10).min(MAX_FAREWELL)
}

/// Waits for a point in time; for ever, if there is none.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
