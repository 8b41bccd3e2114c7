//! [`Cluster`]: lets several gateways serve the same workers and callers over one database and one bus. Each of them is a member of the
//! installation.
//!
//! A caller's gateway is the origin of its calls, and has all that is known of them. Each member has the links of the others in its own
//! table of links, so that a call is sent to a worker at another member like to one of its own: `link_changes` publishes the links and
//! `link_replicas` keeps those of the others. `member_links` sends calls to another member, `hosted_calls` takes them there, and
//! `answer_forwarder` brings the answers back to `answers`. `members` knows which gateways are alive, `outages` what this one lacks, and `peers`
//! asks about calls and tickets of other members. `catalog_news` and `directory_news` tell of changed tools and of the directory's revisions, and
//! `fan_out` of the sessions, messages, dashboards and health of tools that the clients of all members see.

mod answer_forwarder;
mod answers;
mod catalog_news;
mod directory_news;
mod fan_out;
mod hosted_calls;
mod link_changes;
mod link_replicas;
mod member_links;
mod members;
mod messenger;
mod outages;
mod peers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::task::AbortOnDropHandle;

use crate::admin::Reconciler;
use crate::background::tasks::Tasks;
use crate::calls::Calls;
use crate::catalog::Catalog;
use crate::connections::BrowserSessions;
use crate::domain::identity::Scope;
use crate::domain::ids::{CallId, GatewayNumber, LinkId};
use crate::feed::Feed;
use crate::limits::Limiter;
use crate::links::{HealthMonitor, Links};
use crate::pending::{PendingCalls, Report, WorkerAnswer};
use crate::ports::tool_changes::ToolChanges;
use crate::sessions::Sessions;

pub(crate) use catalog_news::CatalogPublisher;
pub(crate) use members::{Member, Members};
pub(crate) use messenger::{BusFigures, Messenger};
pub(crate) use outages::{Outages, SharedPart, TOLERANCE};
pub(crate) use peers::MemberPeers;

use answer_forwarder::{AnswerForwarder, KeptAnswers};
use answers::Origins;
use catalog_news::CatalogReader;
use directory_news::{DirectoryPublisher, DirectoryReader};
use fan_out::{FanOutPublisher, FanOutReader};
use hosted_calls::HostedCalls;
use link_changes::{LinkPublisher, MemberState};
use link_replicas::LinkReplicas;
use members::BEAT;
use peers::PeerRequests;

/// The connection of this gateway to the other members of its installation.
pub(crate) struct Cluster {
    messenger: Messenger,
    members: Members,
    answers: AnswerForwarder,
    outages: Outages,
    is_stopping: Arc<watch::Sender<bool>>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// The publishers of the changes at this gateway. Services take them as observers, so they are there before the services.
#[derive(Debug, Clone)]
pub(crate) struct Publishers {
    pub(crate) links: Arc<LinkPublisher>,
    pub(crate) directory: Arc<DirectoryPublisher>,
    pub(crate) fan_out: Arc<FanOutPublisher>,
    members: Members,
}

impl Publishers {
    /// The publishers of a new run.
    pub(crate) fn new(messenger: &Messenger) -> Self {
        let members = Members::default();
        Self {
            links: Arc::new(LinkPublisher::new(messenger.clone())),
            directory: Arc::new(DirectoryPublisher::new(messenger.clone())),
            fan_out: Arc::new(FanOutPublisher::new(messenger.clone(), members.clone())),
            members,
        }
    }
}

/// The services and ports that [`Cluster`] needs.
pub(crate) struct ClusterServices {
    pub(crate) messenger: Messenger,
    pub(crate) publishers: Publishers,
    pub(crate) links: Arc<Links>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) pending: PendingCalls,
    pub(crate) tool_changes: Arc<dyn ToolChanges>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) reconciler: Arc<Reconciler>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) browser_sessions: Arc<BrowserSessions>,
    pub(crate) feed: Feed,
    pub(crate) health: Arc<HealthMonitor>,
    /// The longest time of a call.
    pub(crate) max_timeout: Duration,
}

impl Cluster {
    /// Joins the installation: begins to receive messages and to publish heartbeats.
    pub(crate) fn start(services: ClusterServices, tasks: &Tasks) -> Self {
        let ClusterServices { messenger, publishers, links, catalog, pending, tool_changes, .. } = services;
        let ClusterServices { calls, limiter, reconciler, sessions, browser_sessions, feed, .. } = services;
        let ClusterServices { health, max_timeout, .. } = services;
        let Publishers { links: publisher, directory, fan_out, members } = publishers;
        let (outages, is_stopping) = (Outages::default(), Arc::new(watch::Sender::new(false)));
        let hosted = HostedCalls::new(messenger.clone(), members.clone(), links.clone(), pending.clone());
        let answers = AnswerForwarder::new(
            messenger.clone(),
            members.clone(),
            hosted.clone(),
            KeptAnswers { calls: calls.clone(), max_timeout },
        );
        let requests = Arc::new(PeerRequests {
            messenger: messenger.clone(),
            calls,
            sessions: sessions.clone(),
            browser_sessions,
        });
        let division = {
            let members = members.clone();
            move || divide_limits(members.clone(), limiter.clone())
        };
        let origins = Arc::new(Origins::new(messenger.clone(), pending.clone(), links.clone()));
        let reader = CatalogReader {
            messenger: messenger.clone(),
            catalog: catalog.clone(),
            links: links.clone(),
            tool_changes,
        };
        let reader = Arc::new(reader);
        let directory = Arc::new(DirectoryReader { messenger: messenger.clone(), publisher: directory, reconciler });
        let changes = FanOutReader { messenger: messenger.clone(), members: members.clone(), sessions, feed, health };
        let changes = Arc::new(changes);
        let replicas = LinkReplicas {
            messenger: messenger.clone(),
            members: members.clone(),
            publisher: publisher.clone(),
            links: links.clone(),
            catalog,
            pending,
        };
        let replicas = Arc::new(replicas);
        let beat = {
            let beats =
                Heartbeats { publisher: publisher.clone(), fan_out, links: links.clone(), outages: outages.clone() };
            let (beats, members, is_stopping) = (Arc::new(beats), members.clone(), is_stopping.clone());
            move || {
                let (beats, members, is_stopping) = (beats.clone(), members.changes(), is_stopping.subscribe());
                async move { beats.publish(members, is_stopping).await }
            }
        };
        let tasks = vec![
            tasks.keep("cluster heartbeats", beat),
            kept(tasks, "cluster links", &replicas, |replicas| async move { replicas.receive().await }),
            kept(tasks, "cluster link requests", &replicas, |replicas| async move { replicas.serve().await }),
            kept(tasks, "cluster calls", &Arc::new(hosted), |hosted| async move { hosted.receive().await }),
            kept(tasks, "cluster answers", &origins, |origins| async move { origins.receive().await }),
            kept(tasks, "cluster tools", &reader, |reader| async move { reader.receive().await }),
            kept(tasks, "cluster changes", &changes, |changes| async move { changes.receive().await }),
            kept(tasks, "cluster clients", &changes, |changes| async move { changes.serve().await }),
            kept(tasks, "cluster directory", &directory, |directory| async move { directory.receive().await }),
            kept(tasks, "cluster requests", &requests, |requests| async move { requests.receive().await }),
            tasks.keep("cluster limits", division),
        ];
        Self { messenger, members, answers, outages, is_stopping, _tasks: tasks }
    }

    /// The members that are alive.
    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    /// The messages between the members.
    pub(crate) fn messenger(&self) -> &Messenger {
        &self.messenger
    }

    /// The outages of the bus and the database at this member.
    pub(crate) fn outages(&self) -> &Outages {
        &self.outages
    }

    /// True if a call began at another member.
    pub(crate) fn is_foreign(&self, call_id: &CallId) -> bool {
        let origin = call_id.gateway();
        origin != self.messenger.number() && origin != GatewayNumber::ALONE
    }

    /// Sends the answer of a worker to the member where the call began, and calls `confirm` when that has it.
    pub(crate) fn answer(
        &self,
        scope: &Scope,
        call_id: &CallId,
        answer: WorkerAnswer,
        confirm: impl FnOnce() + Send + 'static,
    ) {
        self.answers.answer(scope, call_id, answer, confirm);
    }

    /// Sends the report of a worker, which has a call over a link, to the member where the call began.
    pub(crate) fn report(&self, scope: &Scope, call_id: &CallId, link: &LinkId, report: Report) {
        self.answers.report(scope, call_id, link, report);
    }

    /// Tells the other members that this one stops: they send it no more calls.
    pub(crate) fn begin_drain(&self) {
        self.is_stopping.send_replace(true);
    }

    /// Waits until the calls of other members have ended, and the answers of workers are with the members where their calls began.
    pub(crate) async fn answers_sent(&self) {
        self.answers.idle().await;
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("number", &self.messenger.number()).finish_non_exhaustive()
    }
}

/// Starts a task of a part of the cluster.
fn kept<T, F>(tasks: &Tasks, name: &'static str, part: &Arc<T>, run: fn(Arc<T>) -> F) -> AbortOnDropHandle<()>
where
    T: Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let part = Arc::clone(part);
    tasks.keep(name, move || run(Arc::clone(&part)))
}

/// Divides the limits of keys and entities among the members that are alive. Never returns.
async fn divide_limits(members: Members, limiter: Arc<Limiter>) {
    let mut changes = members.changes();
    loop {
        changes.borrow_and_update();
        limiter.divide_among(members.count());
        // The sender is in the table of members, which this task has.
        let _ = changes.changed().await;
    }
}

/// The heartbeats of this member.
struct Heartbeats {
    publisher: Arc<LinkPublisher>,
    fan_out: Arc<FanOutPublisher>,
    links: Arc<Links>,
    outages: Outages,
}

impl Heartbeats {
    /// Publishes heartbeats; one at once when the gateway stops, and when a member comes, which has not heard of this one yet. Never returns.
    async fn publish(&self, mut members: watch::Receiver<()>, mut is_stopping: watch::Receiver<bool>) {
        let mut beats = interval(BEAT);
        loop {
            // All arms are cancel-safe.
            tokio::select! {
                _ = beats.tick() => {}
                Ok(()) = members.changed() => {}
                Ok(()) = is_stopping.changed() => {}
            }
            let (links, is_stopping) = (self.links.count(), *is_stopping.borrow_and_update());
            let has_database = self.outages.has(SharedPart::Database);
            self.publisher.beat(MemberState { links, is_stopping, has_database });
            self.fan_out.beat();
        }
    }
}
