//! [`StoredRunQueues`]: lets the runs of each conversation take turns where several gateways serve the same conversations. The queues are in the
//! database. A [`StoredRunTurn`] renews the place of its run until it is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::run_queues::{WAITING, refused};
use crate::domain::conversation::RunPosition;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::ids::{ConversationId, RunId};
use crate::ports::conversations::ConversationStore;
use crate::settings::WhenBusy;

/// The queues of runs that the gateways of an installation share.
#[derive(Debug, Clone)]
pub(super) struct StoredRunQueues {
    store: Arc<dyn ConversationStore>,
    times: LeaseTimes,
    /// The tasks that renew places and give them back.
    tasks: TaskTracker,
}

/// The times of a lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseTimes {
    /// The time for which a run keeps its place when its gateway is gone.
    pub(super) lease: Duration,
    /// The time between two renewals.
    pub(super) renewal: Duration,
    /// The time between two looks of a run that waits for its turn.
    pub(super) poll: Duration,
}

/// The place of a run in a queue. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct StoredRunTurn {
    run: RunId,
    lost: CancellationToken,
    _release: DropGuard,
}

impl StoredRunQueues {
    pub(super) fn new(store: Arc<dyn ConversationStore>, times: LeaseTimes) -> Self {
        Self { store, times, tasks: TaskTracker::new() }
    }

    /// Waits for the turn of a run in a conversation.
    pub(super) async fn turn(&self, id: &ConversationId, run: &RunId, busy: WhenBusy) -> Result<StoredRunTurn, Error> {
        let (limit, full) = match busy {
            WhenBusy::Refuse => (1, "this conversation is being answered"),
            WhenBusy::Queue => (WAITING, "too many messages wait in this conversation"),
        };
        // Before the run is queued: dropped while it is, it gives the place back as well.
        let turn = self.hold(id.clone(), run.clone());
        let mut place = self.store.queue_run(id, run, self.times.lease, limit as i64).await?;
        if place == RunPosition::Nowhere {
            return Err(refused(full));
        }
        while place != RunPosition::Turn {
            sleep(self.times.poll).await;
            place = match self.store.run_position(id, run).await? {
                // Runs before this one whose gateways are gone have to be out of the queue, so that they do not come back.
                RunPosition::Turn => self.store.renew_run(id, run, self.times.lease).await?,
                RunPosition::Waiting => RunPosition::Waiting,
                RunPosition::Nowhere => return Err(lost_place(id)),
            };
        }
        Ok(turn)
    }

    /// Waits until every place that was given back is free.
    pub(super) async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Renews the place of a run until the turn is dropped, and then frees it.
    fn hold(&self, id: ConversationId, run: RunId) -> StoredRunTurn {
        let (released, lost) = (CancellationToken::new(), CancellationToken::new());
        let turn = StoredRunTurn { run: run.clone(), lost: lost.clone(), _release: released.clone().drop_guard() };
        let (store, times) = (Arc::clone(&self.store), self.times);
        self.tasks.spawn(async move {
            let renewed = async {
                until_lost(&*store, &id, &run, times).await;
                lost.cancel();
            };
            if released.run_until_cancelled(renewed).await.is_some() {
                return;
            }
            if let Err(error) = store.end_run(&id, &run).await {
                tracing::debug!(%error, run.id = %run, "place of a run not given back; its lease ends soon");
            }
        });
        turn
    }
}

/// Renews the place of a run until another run has it.
async fn until_lost(store: &dyn ConversationStore, id: &ConversationId, run: &RunId, times: LeaseTimes) {
    loop {
        sleep(times.renewal).await;
        match store.renew_run(id, run, times.lease).await {
            Ok(RunPosition::Nowhere) => return,
            Ok(RunPosition::Turn | RunPosition::Waiting) => {}
            // The run keeps its place as long as no other takes it, and stores nothing without it.
            Err(error) => tracing::warn!(%error, run.id = %run, "place of a run not renewed; it is tried again"),
        }
    }
}

impl StoredRunTurn {
    /// The run whose turn it is.
    pub(super) fn run(&self) -> &RunId {
        &self.run
    }

    /// Waits until another run took the turn, because this gateway did not reach the database in time. Cancel-safe.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), renewal: Duration::from_secs(10), poll: Duration::from_millis(200) }
    }
}

fn lost_place(id: &ConversationId) -> Error {
    let message = format!("the message lost its place in the queue of the conversation `{id}`; send it again");
    Error::new(ErrorKind::Busy, message)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::domain::agent::Agent;
    use crate::domain::conversation::{ConversationBounds, StoredConversation};
    use crate::domain::message::Message;
    use crate::ports::directory::AgentStore as _;
    use crate::ports::store::Storage;
    use crate::store::SqlStore;

    const BOUNDS: ConversationBounds =
        ConversationBounds { messages: 100, bytes: i64::MAX, project_bytes: i64::MAX, of_user: 100 };

    const TIMES: LeaseTimes =
        LeaseTimes { lease: Duration::from_secs(60), renewal: Duration::from_secs(20), poll: Duration::from_millis(5) };

    /// A bound for waits that end sooner unless something is wrong.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A database with a conversation.
    async fn conversation() -> (tempfile::TempDir, Arc<SqlStore>, ConversationId) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path()).await.unwrap();
        let project_id = (&store as &dyn Storage).default_project().await.unwrap();
        let agent = Agent::sample(&project_id, "desk");
        assert!(store.add_agent(&agent, 10).await.unwrap());
        let row = StoredConversation {
            id: "conv_1".into(),
            project_id,
            agent_id: agent.id,
            user_id: "u-1".to_owned(),
            channel: "test".to_owned(),
            created_ms: 1,
            updated_ms: 1,
        };
        store.add_conversation(&row, BOUNDS).await.unwrap();
        (folder, Arc::new(store), row.id)
    }

    fn queues(store: &Arc<SqlStore>, times: LeaseTimes) -> StoredRunQueues {
        StoredRunQueues::new(Arc::clone(store) as _, times)
    }

    async fn turn(queues: &StoredRunQueues, id: &ConversationId) -> Result<StoredRunTurn, Error> {
        timeout(PATIENCE, queues.turn(id, &RunId::random(), WhenBusy::Queue)).await.unwrap()
    }

    /// Waits until so many runs are in the queue.
    async fn until_queued(store: &SqlStore, id: &ConversationId, runs: i64) {
        let probe = async {
            // A probe is refused when the queue has as many runs as it may have.
            while store.queue_run(id, &"probe".into(), PATIENCE, runs).await.unwrap() != RunPosition::Nowhere {
                store.end_run(id, &"probe".into()).await.unwrap();
            }
        };
        timeout(PATIENCE, probe).await.unwrap();
    }

    #[tokio::test]
    async fn runs_of_two_gateways_take_turns_in_the_order_of_arrival() {
        let (_folder, store, id) = conversation().await;
        let (one, two) = (queues(&store, TIMES), queues(&store, TIMES));
        let first = turn(&one, &id).await.unwrap();
        let mut second = Box::pin(turn(&two, &id));
        tokio::select! {
            _ = &mut second => panic!("the first run has the turn"),
            () = until_queued(&store, &id, 2) => {}
        }
        let mut third = Box::pin(turn(&one, &id));
        tokio::select! {
            _ = &mut third => panic!("the first run has the turn"),
            _ = &mut second => panic!("the first run has the turn"),
            () = until_queued(&store, &id, 3) => {}
        }
        drop(first);
        let second = tokio::select! {
            _ = &mut third => panic!("the second run came before"),
            second = &mut second => second.unwrap(),
        };
        drop(second);
        drop(third.await.unwrap());
        one.close().await;
        two.close().await;
        let next = two.turn(&id, &"run_9".into(), WhenBusy::Refuse).await.unwrap();
        assert_eq!(next.run(), &"run_9".into());
    }

    #[tokio::test]
    async fn a_conversation_that_another_gateway_answers_refuses_if_told_so_and_a_full_queue_does() {
        let (_folder, store, id) = conversation().await;
        let (one, two) = (queues(&store, TIMES), queues(&store, TIMES));
        let first = turn(&one, &id).await.unwrap();
        let refused = two.turn(&id, &RunId::random(), WhenBusy::Refuse).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy);
        assert!(refused.wait().is_some() && refused.to_string().contains("is being answered"), "{refused}");
        for number in 1..WAITING {
            let run = RunId::from(format!("run_{number}"));
            assert_eq!(store.queue_run(&id, &run, PATIENCE, WAITING as i64).await.unwrap(), RunPosition::Waiting);
        }
        let refused = turn(&two, &id).await.unwrap_err();
        assert!(refused.to_string().contains("too many messages wait"), "{refused}");
        drop(first);
    }

    #[tokio::test]
    async fn a_run_that_is_given_up_leaves_its_place_also_while_it_waits() {
        let (_folder, store, id) = conversation().await;
        let queues = queues(&store, TIMES);
        let first = turn(&queues, &id).await.unwrap();
        {
            let mut second = std::pin::pin!(turn(&queues, &id));
            tokio::select! {
                _ = &mut second => panic!("the first run has the turn"),
                () = until_queued(&store, &id, 2) => {}
            }
        }
        drop(first);
        queues.close().await;
        assert_eq!(store.queue_run(&id, &"run_9".into(), PATIENCE, 1).await.unwrap(), RunPosition::Turn);
    }

    #[tokio::test]
    async fn the_turn_of_a_gateway_that_is_gone_passes_on_and_its_run_stores_nothing_any_more() {
        let (_folder, store, id) = conversation().await;
        // It renews nothing, as a gateway that was stopped.
        let gone = queues(&store, LeaseTimes { lease: Duration::from_millis(50), ..TIMES });
        let lost = turn(&gone, &id).await.unwrap();
        let other = queues(&store, TIMES);
        let next = turn(&other, &id).await.unwrap();
        let words = [Message::user("late")];
        let refused = store.add_messages_of_run((&id, lost.run()), &words, 2, BOUNDS).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Interrupted);
        store.add_messages_of_run((&id, next.run()), &[Message::user("next")], 3, BOUNDS).await.unwrap();
        assert_eq!(store.messages(&id, 10, i64::MAX).await.unwrap(), [Message::user("next")]);
    }

    #[tokio::test]
    async fn a_run_learns_that_it_lost_its_turn_and_one_that_is_renewed_keeps_it() {
        let (_folder, store, id) = conversation().await;
        let lease = Duration::from_millis(500);
        let queues = queues(&store, LeaseTimes { lease, renewal: Duration::from_millis(10), ..TIMES });
        let turn = turn(&queues, &id).await.unwrap();
        // Long past the first lease.
        assert!(timeout(lease * 3, turn.lost()).await.is_err());
        store.end_run(&id, turn.run()).await.unwrap();
        timeout(PATIENCE, turn.lost()).await.unwrap();
    }

    #[tokio::test]
    async fn a_run_of_a_conversation_that_was_deleted_has_no_turn() {
        let (_folder, store, id) = conversation().await;
        let queues = queues(&store, TIMES);
        let first = turn(&queues, &id).await.unwrap();
        let mut second = Box::pin(turn(&queues, &id));
        tokio::select! {
            _ = &mut second => panic!("the first run has the turn"),
            () = until_queued(&store, &id, 2) => {}
        }
        store.remove_conversation(&id).await.unwrap();
        assert_eq!(second.await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(turn(&queues, &id).await.unwrap_err().kind(), ErrorKind::NotFound);
        drop(first);
    }
}
