//! [`Runs`]: the table of running runs of agents that one RPC connection started. `chat.abort` stops them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::domain::ids::{ConversationId, RunId};
use crate::domain::lock::lock;

/// The runs that are under way.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<HashMap<RunId, RunEntry>>);

#[derive(Debug)]
struct RunEntry {
    /// The conversation that it goes on with; none until a new one has been made.
    conversation: Option<ConversationId>,
    stop: oneshot::Sender<()>,
}

/// A running run, until this is dropped.
#[derive(Debug)]
pub(super) struct RunningRun<'a> {
    runs: &'a Runs,
    pub(super) id: RunId,
    stopped: oneshot::Receiver<()>,
}

impl Runs {
    /// Begins a run, in a conversation if there is one already.
    pub(super) fn begin(&self, conversation: Option<&ConversationId>) -> RunningRun<'_> {
        let (id, (stop, stopped)) = (RunId::random(), oneshot::channel());
        self.lock().insert(id.clone(), RunEntry { conversation: conversation.cloned(), stop });
        RunningRun { runs: self, id, stopped }
    }

    /// Stops the run of that id, and those that go on with that conversation. Returns which.
    pub(super) fn abort(&self, run_id: Option<&str>, session_id: Option<&str>) -> Vec<RunId> {
        let is_meant = |id: &RunId, run: &RunEntry| {
            run_id.is_some_and(|wanted| id.as_str() == wanted)
                || session_id.is_some_and(|wanted| run.conversation.as_ref().is_some_and(|id| id.as_str() == wanted))
        };
        let mut runs = self.lock();
        let meant = runs.extract_if(|id, run| is_meant(id, run));
        let stop = |(id, run): (RunId, RunEntry)| run.stop.send(()).is_ok().then_some(id);
        meant.filter_map(stop).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, RunEntry>> {
        // Every section leaves the table whole, so a panic in another task spoils nothing.
        lock(&self.0)
    }
}

impl RunningRun<'_> {
    /// Notes the conversation, once it is known.
    pub(super) fn note_conversation(&self, conversation: &ConversationId) {
        if let Some(run) = self.runs.lock().get_mut(&self.id) {
            run.conversation = Some(conversation.clone());
        }
    }

    /// Waits until somebody stops the run. Cancel-safe.
    pub(super) async fn stopped(&mut self) {
        if (&mut self.stopped).await.is_err() {
            // The run is in the table as long as this is, so only a stop takes its sender out.
            std::future::pending().await
        }
    }
}

impl Drop for RunningRun<'_> {
    fn drop(&mut self) {
        self.runs.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_run_is_stopped_by_its_id_or_by_its_conversation() {
        let runs = Runs::default();
        let (mut one, mut other, mut third) = (runs.begin(None), runs.begin(Some(&"conv_1".into())), runs.begin(None));
        third.note_conversation(&"conv_2".into());
        assert_eq!(runs.abort(Some(one.id.as_str()), Some("conv_1")).len(), 2);
        assert!(one.stopped().now_or_never().is_some() && other.stopped().now_or_never().is_some());
        assert!(third.stopped().now_or_never().is_none());
        assert!(runs.abort(Some(one.id.as_str()), None).is_empty(), "it has been stopped");
        let third_id = third.id.clone();
        drop(third);
        assert!(runs.abort(Some(third_id.as_str()), Some("conv_2")).is_empty(), "it has ended");
    }
}
