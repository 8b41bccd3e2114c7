//! Who may watch which agent.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Feed, Seat, Watch, WatchEnd, Watched};
use crate::audit::action;
use crate::authority::{Action, Resource, authorize, looks_like_one};
use crate::core::Core;
use crate::core::directory::Snapshot;
use crate::core::environment::resolve;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::Caller;
use crate::core::ids::EnvironmentId;
use crate::core::origin::RequestOrigin;
use crate::store::AgentRow;

impl Core {
    /// The feed, for whoever has something to tell.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Finds out whose token this is. A key is none: what is in a URL is seen by many, and has to end soon.
    ///
    /// # Errors
    /// It is no token that the gateway signed for a caller, it has ended, or there were too many wrong ones.
    pub async fn authenticate_token(
        &self,
        token: &SecretString,
        from: impl Into<RequestOrigin>,
    ) -> Result<Caller, Error> {
        let from = from.into();
        if looks_like_one(token) {
            return self.authenticate(token, from).await;
        }
        let error = Error::new(ErrorKind::Unauthenticated, "this is no token of `POST /v1/tokens`");
        Err(self.refuse_credential(&from, error))
    }

    /// Begins to watch an agent, by slug or id, in the place of whoever did before.
    ///
    /// # Errors
    /// There is no such agent that the caller may watch.
    pub fn watch(self: &Arc<Self>, caller: &Caller, agent: &str) -> Result<Watch, Error> {
        let none = || Error::new(ErrorKind::NotFound, "there is no such agent that you may watch");
        let snapshot = self.directory.snapshot();
        let named = snapshot.agent_named(&caller.project_id, agent);
        let row = named.filter(|row| may_watch(caller, row));
        let Some(row) = row else {
            let error = none();
            let subject = named.map_or("an unknown agent", |row| row.id.as_str());
            self.audit.refused(action::FEED_CONNECT, caller, subject, &error.to_string());
            return Err(error);
        };
        let watched = Watched {
            agent_id: row.id.clone(),
            agent: row.slug.clone(),
            project_id: row.project_id.clone(),
            caller: caller.clone(),
            feed: self.feed.clone(),
        };
        let seat = Arc::new(Seat::new(watched, environment_of(&snapshot, row), self.feed.settings()));
        let watch = Watch::begin(Arc::clone(self), seat, agent);
        // What took the agent away meanwhile told those who watched, and this was not one of them yet.
        self.feed.check(&self.directory.snapshot(), watch.seat());
        self.audit.signed_in(action::FEED_CONNECT, caller.into(), |event| {
            event.in_project(&caller.project_id).on(watch.watched().agent_id.as_str())
        });
        Ok(watch)
    }

    /// Ends watches that are not allowed any more, in projects that changed after a revision of the directory.
    pub(in crate::core) fn check_watches_since(&self, revision: i64) {
        let snapshot = self.directory.snapshot();
        let seats = self.feed.0.seats.in_projects(|project| snapshot.has_changed_since(project, revision));
        seats.iter().for_each(|seat| self.feed.check(&snapshot, seat));
    }
}

impl Feed {
    /// Ends the watch of a caller that may not watch the agent any more, and notes where the agent's tools are.
    fn check(&self, snapshot: &Snapshot, seat: &Arc<Seat>) {
        let row = snapshot.agent(&seat.watched.agent_id);
        match row.filter(|row| may_watch(&seat.watched.caller, row)) {
            Some(row) => self.0.seats.moves_to(seat, environment_of(snapshot, row)),
            None => seat.end_with(WatchEnd::NoSuchAgent),
        }
    }
}

fn may_watch(caller: &Caller, agent: &AgentRow) -> bool {
    let watched = Resource::Agent { project: &agent.project_id, agent: &agent.id, owner: agent.owner.as_deref() };
    authorize(caller, Action::Watch, watched).is_ok()
}

/// Where an agent's tools are.
pub(super) fn environment_of(snapshot: &Snapshot, agent: &AgentRow) -> Option<EnvironmentId> {
    let environments = snapshot.environments(&agent.project_id);
    resolve(environments, agent.profile.environment.as_deref()).map(|environment| environment.id.clone())
}
