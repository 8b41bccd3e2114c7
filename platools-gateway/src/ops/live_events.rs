//! [`LiveEvents`]: events about workers, tools and calls, for callers that follow them. Each caller gets those about what it may see.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::authority::{Action, Resource, authorize};
use crate::directory::Directory;
use crate::domain::error::Error;
use crate::domain::identity::{Caller, Identity, Scope};
use crate::domain::ids::{CallId, LinkId};
use crate::links::{ConnectedWorker, WorkerObserver};
use crate::ports::call_observer::{BegunCall, CallObserver, EndedCall};
use crate::ports::time::ms_of;

/// The events of this gateway. Nothing is kept for callers that come later.
#[derive(Debug)]
pub(crate) struct LiveEvents(broadcast::Sender<LiveEvent>);

/// An event.
#[derive(Debug, Clone)]
pub(crate) enum LiveEvent {
    WorkerConnected(Arc<ConnectedWorker>),
    WorkerDisconnected {
        identity: Arc<Identity>,
        link_id: LinkId,
    },
    /// The tools of a scope, or their health, have changed.
    ToolsChanged(Scope),
    CallBegan(Arc<LiveCall>),
    CallEnded(Arc<LiveCall>, LiveCallEnd),
}

/// A call, without its arguments.
#[derive(Debug)]
pub(crate) struct LiveCall {
    pub(crate) call_id: CallId,
    pub(crate) tool: String,
    pub(crate) identity: Identity,
    pub(crate) caller: Caller,
    pub(crate) started_ms: i64,
}

/// The end of a call, without its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveCallEnd {
    pub(crate) outcome: &'static str,
    pub(crate) total_ms: u64,
    pub(crate) worker_ms: Option<u64>,
}

/// The events that a caller may see, from now on.
#[derive(Debug)]
pub(crate) struct LiveEventReader {
    caller: Caller,
    directory: Arc<Directory>,
    events: broadcast::Receiver<LiveEvent>,
}

/// A step of a [`LiveEventReader`].
#[derive(Debug)]
pub(crate) enum LiveStep {
    Event(LiveEvent),
    /// Number of events that were dropped, because the reader was slow.
    Dropped(u64),
    /// The gateway has no more events.
    End,
}

/// Events that wait for each reader. With more, the reader misses the oldest.
const WAITING_EVENTS: usize = 2048;

impl Default for LiveEvents {
    fn default() -> Self {
        Self(broadcast::channel(WAITING_EVENTS).0)
    }
}

impl LiveEvents {
    /// The events for a caller from now on.
    ///
    /// # Errors
    /// The role is not enough.
    pub(crate) fn follow(&self, caller: &Caller, directory: &Arc<Directory>) -> Result<LiveEventReader, Error> {
        authorize(caller, Action::View, Resource::Project(&caller.project_id))?;
        let (caller, directory) = (caller.clone(), Arc::clone(directory));
        Ok(LiveEventReader { caller, directory, events: self.0.subscribe() })
    }

    /// Sends an event, which is made only if somebody reads.
    fn send(&self, make: impl FnOnce() -> LiveEvent) {
        if self.0.receiver_count() > 0 {
            // The last reader may leave meanwhile.
            let _ = self.0.send(make());
        }
    }
}

impl LiveCall {
    fn of(call: &BegunCall<'_>) -> Self {
        Self {
            call_id: call.call_id.clone(),
            tool: call.tool.to_owned(),
            identity: call.identity.clone(),
            caller: call.caller.clone(),
            started_ms: ms_of(call.began),
        }
    }
}

impl LiveEventReader {
    /// The next event that the caller may see. Cancel-safe.
    pub(crate) async fn next(&mut self) -> LiveStep {
        loop {
            match self.events.recv().await {
                Ok(event) if self.may_see(&event) => return LiveStep::Event(event),
                Ok(_) => {}
                Err(RecvError::Lagged(count)) => return LiveStep::Dropped(count),
                Err(RecvError::Closed) => return LiveStep::End,
            }
        }
    }

    fn may_see(&self, event: &LiveEvent) -> bool {
        match event {
            LiveEvent::WorkerConnected(worker) => self.may_see_worker(&worker.identity),
            LiveEvent::WorkerDisconnected { identity, .. } => self.may_see_worker(identity),
            LiveEvent::ToolsChanged(scope) => {
                let snapshot = self.directory.snapshot();
                let mut environments = snapshot.environments(&self.caller.project_id).iter();
                environments.any(|known| known.id == scope.environment) && self.may_view(scope)
            }
            LiveEvent::CallBegan(call) | LiveEvent::CallEnded(call, _) => {
                let resource = Resource::Call {
                    project: &call.identity.project_id,
                    environment: &call.identity.environment_id,
                    user: call.caller.user_id.as_deref(),
                    agent: call.caller.agent_id.as_ref(),
                };
                authorize(&self.caller, Action::View, resource).is_ok()
            }
        }
    }

    fn may_see_worker(&self, identity: &Identity) -> bool {
        let is_operator = authorize(&self.caller, Action::View, Resource::Operations(&identity.project_id)).is_ok();
        is_operator && identity.project_id == self.caller.project_id && self.may_view(&identity.scope())
    }

    fn may_view(&self, scope: &Scope) -> bool {
        authorize(&self.caller, Action::View, Resource::Environment(&scope.environment)).is_ok()
    }
}

impl WorkerObserver for LiveEvents {
    fn tools_changed(&self, scope: &Scope) {
        self.send(|| LiveEvent::ToolsChanged(scope.clone()));
    }

    fn worker_came(&self, worker: &ConnectedWorker) {
        self.send(|| LiveEvent::WorkerConnected(Arc::new(worker.clone())));
    }

    fn worker_left(&self, identity: &Identity, link_id: &LinkId) {
        self.send(|| LiveEvent::WorkerDisconnected { identity: Arc::new(identity.clone()), link_id: link_id.clone() });
    }
}

impl CallObserver for LiveEvents {
    fn call_began(&self, call: &BegunCall<'_>) {
        self.send(|| LiveEvent::CallBegan(Arc::new(LiveCall::of(call))));
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        self.send(|| {
            let total_ms = u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX);
            let end = LiveCallEnd { outcome: call.outcome, total_ms, worker_ms: call.worker_ms };
            LiveEvent::CallEnded(Arc::new(LiveCall::of(&call.begun())), end)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use futures::FutureExt as _;

    use super::*;
    use crate::core::Core;
    use crate::domain::identity::Role;
    use crate::limits::Limits;

    async fn core() -> (tempfile::TempDir, Core) {
        let folder = tempfile::tempdir().unwrap();
        let core = Core::open(folder.path(), &Limits::default()).await.unwrap();
        (folder, core)
    }

    fn call(events: &LiveEvents, caller: &Caller) {
        let began = SystemTime::now();
        let (call_id, identity) = (CallId::random(), Identity::sample());
        events.call_began(&BegunCall { call_id: &call_id, tool: "t", identity: &identity, caller, began });
    }

    fn kinds(reader: &mut LiveEventReader) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        while let Some(step) = reader.next().now_or_never() {
            kinds.push(match step {
                LiveStep::Event(LiveEvent::CallBegan(_)) => "call",
                LiveStep::Event(LiveEvent::WorkerDisconnected { .. }) => "worker",
                LiveStep::Event(_) => "other",
                LiveStep::Dropped(_) => "dropped",
                LiveStep::End => "end",
            });
        }
        kinds
    }

    #[tokio::test]
    async fn each_reader_gets_the_events_that_its_caller_may_see() {
        let (_folder, core) = core().await;
        let events = LiveEvents::default();
        let viewer = Caller { role: Role::Viewer, ..Caller::sample("key_1") };
        let of = |user: &str| Caller { user_id: Some(user.to_owned()), ..viewer.clone() };
        let elsewhere = Caller { project_id: "other".into(), ..viewer.clone() };
        let confined = Caller { environments: Some(vec!["env_other".into()]), ..viewer.clone() };
        let mut readers = [&viewer, &of("ada"), &of("bob"), &elsewhere, &confined]
            .map(|caller| events.follow(caller, &core.directory).unwrap());
        call(&events, &of("ada"));
        events.worker_left(&Identity::sample(), &LinkId::random());
        let seen = readers.each_mut().map(kinds);
        assert_eq!(seen, [vec!["call", "worker"], vec!["call"], vec![], vec![], vec![]]);
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_that_events_were_dropped() {
        let (_folder, core) = core().await;
        let events = LiveEvents::default();
        let viewer = Caller { role: Role::Viewer, ..Caller::sample("key_1") };
        let mut reader = events.follow(&viewer, &core.directory).unwrap();
        (0..=WAITING_EVENTS).for_each(|_| call(&events, &viewer));
        assert!(matches!(reader.next().await, LiveStep::Dropped(1)));
        drop(events);
        for _ in 0..WAITING_EVENTS {
            assert!(matches!(reader.next().await, LiveStep::Event(LiveEvent::CallBegan(_))));
        }
        assert!(matches!(reader.next().await, LiveStep::End));
    }
}
