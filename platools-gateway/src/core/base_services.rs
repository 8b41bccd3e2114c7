//! [`BaseServices`]: builds the services that every other service may need, such as the directory and the journal, from the store and the
//! settings. [`super::Core`] builds the others from them.

use std::path::Path;
use std::sync::Arc;

use super::options::CoreOptions;
use crate::audit::{Audit, AuditSettings};
use crate::background::retention_clock::RetentionClock;
use crate::background::tasks::Tasks;
use crate::catalog::Catalog;
use crate::cluster::{CatalogPublisher, Messenger, Publishers};
use crate::directory::Directory;
use crate::domain::error::Error;
use crate::domain::generation::GenerationClock;
use crate::feed::{BuiltinEvents, Feed};
use crate::journal::{Journal, JournalSettings};
use crate::limits::Limiter;
use crate::links::{LinkObserver, Links, WorkerObserver, WorkerObservers};
use crate::ops::call_figures::CallFigures;
use crate::ops::live_events::LiveEvents;
use crate::ops::recent_calls::RecentCalls;
use crate::pending::PendingCalls;
use crate::ports::call_observer::CallObserver;
use crate::ports::store::Storage;
use crate::ports::tool_changes::{LocalToolChanges, ToolChanges};

/// The lowest services of a gateway. Only `Core::start` sees them together: each service above takes the ones it names.
pub(super) struct BaseServices {
    pub(super) store: Arc<dyn Storage>,
    pub(super) tasks: Tasks,
    pub(super) tool_changes: Arc<dyn ToolChanges>,
    pub(super) retention_clock: Arc<RetentionClock>,
    pub(super) directory: Arc<Directory>,
    pub(super) clock: Arc<GenerationClock>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) journal: Arc<Journal>,
    pub(super) audit: Arc<Audit>,
    pub(super) pending: PendingCalls,
    pub(super) links: Arc<Links>,
    /// The connection to other gateways, and the publishers of this one's changes, if there are others.
    pub(super) messenger: Option<(Messenger, Publishers)>,
    pub(super) feed: Feed,
    pub(super) call_figures: Arc<CallFigures>,
    pub(super) recent_calls: Arc<RecentCalls>,
    pub(super) live_events: Arc<LiveEvents>,
    /// The events of the feed's built-in state, if it has that.
    events: Option<Arc<BuiltinEvents>>,
}

impl BaseServices {
    /// Builds the services over a store, with their part of the options.
    ///
    /// # Errors
    /// The database failed.
    pub(super) async fn open(
        store: Arc<dyn Storage>,
        tasks: Tasks,
        folder: Option<&Path>,
        options: &mut CoreOptions,
    ) -> Result<Self, Error> {
        let tool_changes: Arc<dyn ToolChanges> = Arc::new(LocalToolChanges::default());
        let (clock, pending) = (Arc::new(GenerationClock::new(options.gateway)), PendingCalls::default());
        let retention_clock = Arc::new(RetentionClock::open(&*store).await?);
        let signing_keys = std::mem::take(&mut options.signing_keys);
        let directory = Directory::open(store.clone(), tool_changes.clone(), folder, signing_keys).await?;
        let journal = Arc::new(start_journal(&store, options.journal.take(), &retention_clock, &tasks));
        let audit = Arc::new(start_audit(&store, options.audit.take(), &retention_clock, &tasks));
        let messenger = options.bus.take().map(|bus| Messenger::new(options.gateway, bus));
        let messenger = messenger.map(|messenger| (messenger.clone(), Publishers::new(&messenger)));
        let publishers = messenger.as_ref().map(|(_, publishers)| publishers);
        let feed_peers = publishers.map(|publishers| (publishers.fan_out.clone() as _, clock.clone()));
        let feed = Feed::shared(options.feed.clone(), feed_peers);
        let events = options.snapshots.is_none().then(|| Arc::new(BuiltinEvents(feed.clone())));
        let live_events = Arc::<LiveEvents>::default();
        let of_feed = events.clone().map(|events| events as Arc<dyn WorkerObserver>);
        let worker_observers =
            WorkerObservers(of_feed.into_iter().chain([live_events.clone() as Arc<dyn WorkerObserver>]).collect());
        let directory = directory.observed(publishers.map(|publishers| publishers.directory.clone() as _));
        let publisher = publishers.map(|publishers| publishers.links.clone() as Arc<dyn LinkObserver>);
        let links = Links::new(pending.clone(), clock.clone(), tool_changes.clone(), options.calls, worker_observers);
        let links = links.published(publisher);
        let observer = messenger.as_ref().map(|(messenger, _)| Arc::new(CatalogPublisher(messenger.clone())) as _);
        Ok(Self {
            directory: Arc::new(directory),
            catalog: Arc::new(Catalog::new(store.clone(), clock.clone()).observed(observer)),
            limiter: Arc::new(Limiter::new(&options.limits)),
            links: Arc::new(links),
            messenger,
            clock,
            call_figures: Arc::default(),
            recent_calls: Arc::default(),
            live_events,
            store,
            tasks,
            tool_changes,
            retention_clock,
            journal,
            audit,
            pending,
            feed,
            events,
        })
    }

    /// The observers of calls among these services.
    pub(super) fn observers(&self) -> Vec<Arc<dyn CallObserver>> {
        let figures: [Arc<dyn CallObserver>; 3] =
            [self.call_figures.clone(), self.recent_calls.clone(), self.live_events.clone()];
        let events = self.events.clone().map(|events| events as Arc<dyn CallObserver>);
        figures.into_iter().chain(events).collect()
    }
}

fn start_journal(
    store: &Arc<dyn Storage>,
    settings: Option<JournalSettings>,
    retention_clock: &Arc<RetentionClock>,
    tasks: &Tasks,
) -> Journal {
    let Some(settings) = settings else { return Journal::closed() };
    retention_clock.log_start();
    Journal::start(store.clone(), settings, retention_clock, tasks)
}

fn start_audit(
    store: &Arc<dyn Storage>,
    settings: Option<AuditSettings>,
    clock: &Arc<RetentionClock>,
    tasks: &Tasks,
) -> Audit {
    let Some(settings) = settings else { return Audit::without_task(store.clone()) };
    let clock = clock.clone();
    Audit::start(store.clone(), settings, Arc::new(move |age| clock.cutoff_ms(age)), tasks)
}
