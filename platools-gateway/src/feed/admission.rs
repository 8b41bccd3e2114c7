//! Admission to the live feed: the user of a dashboard's token, and the agents that this user may watch.

use std::sync::Arc;

use secrecy::SecretString;

use super::dashboard_auth::unavailable;
use super::{DashboardRequest, DashboardUser, Feed, Seat, Watch, WatchEnd, Watched};
use crate::admin::USER_ID;
use crate::authority::secret;
use crate::authority::{Action, Resource, authorize, looks_like_one, names_gateway};
use crate::core::Core;
use crate::directory::Snapshot;
use crate::domain::agent::Agent;
use crate::domain::audit::action;
use crate::domain::digest;
use crate::domain::environment::resolve;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Credential, Role, SpeaksFor};
use crate::domain::ids::{EnvironmentId, ProjectId};
use crate::domain::origin::RequestOrigin;
use crate::domain::project::ProjectName;
use crate::ports::time::{ms_of, now_ms};

/// The refusal of a token that neither the gateway nor the application accepts. It does not say which of them refused it.
const NOT_ACCEPTED: &str = "this token is neither one of `POST /v1/tokens` nor one of the application, or it has ended";

/// Hexadecimal digits of a hash that stand for a user of the application in logs and limits.
const USER_DIGITS: usize = 16;

impl Core {
    /// The feed, for whoever has something to tell.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Finds the user of a dashboard's token: a token that the gateway signed, or one of the application's. A key is neither: the token
    /// is in a URL, which is read by many, so it has to end soon.
    ///
    /// # Errors
    /// The token is not known or has ended, the application could not check it, or there were too many wrong ones.
    pub async fn authenticate_dashboard(
        &self,
        token: &SecretString,
        agent: &str,
        from: impl Into<RequestOrigin>,
    ) -> Result<Caller, Error> {
        let from = from.into();
        let Some(auth) = &self.dashboard_auth else { return self.authenticate_token(token, from).await };
        // The application never sees a credential of the gateway.
        if names_gateway(token) || secret::looks_like_one(token) {
            return self.authenticate_token(token, from).await;
        }
        match auth.run(DashboardRequest::new(token.clone(), agent)).await? {
            Some(user) => self.application_caller(user, from),
            None => Err(self.authenticator.refuse_credential(&from, unauthenticated(NOT_ACCEPTED))),
        }
    }

    /// Finds the caller of a token that the gateway signed.
    async fn authenticate_token(&self, token: &SecretString, from: RequestOrigin) -> Result<Caller, Error> {
        if looks_like_one(token) {
            return self.authenticator.authenticate(token, from).await;
        }
        Err(self.authenticator.refuse_credential(&from, unauthenticated("this is no token of `POST /v1/tokens`")))
    }

    /// A user of the application as a caller, who may watch its own agents and nothing else: only the live feed asks for this caller.
    fn application_caller(&self, user: DashboardUser, from: RequestOrigin) -> Result<Caller, Error> {
        let DashboardUser { user_id, expires_at, project } = user;
        if user_id.is_empty() || USER_ID.check(&user_id).is_err() {
            return Err(self
                .authenticator
                .refuse_credential(&from, unauthenticated("the user of this token has no usable id")));
        }
        let expires_ms = expires_at.map(ms_of);
        if expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms()) {
            return Err(self.authenticator.refuse_credential(&from, unauthenticated(NOT_ACCEPTED)));
        }
        let project_id = self.project_of_dashboards(project.as_ref())?;
        let id = digest::sha256(&format!("{project_id}\n{user_id}"))[..USER_DIGITS].to_owned();
        Ok(Caller {
            credential: Credential::Application { id, expires_ms },
            project_id,
            role: Role::Viewer,
            tool_roles: Vec::new(),
            user_id: Some(user_id),
            speaks_for: SpeaksFor::Nobody,
            environments: None,
            agent_id: None,
            origin: from,
        })
    }

    fn project_of_dashboards(&self, name: Option<&ProjectName>) -> Result<ProjectId, Error> {
        let Some(name) = name.filter(|name| **name != ProjectName::default()) else {
            return Ok(self.directory.default_project().clone());
        };
        let snapshot = self.directory.snapshot();
        snapshot.project_named(name).map(|project| project.id.clone()).ok_or_else(|| {
            tracing::error!(project = %name, "the application's users are in a project that is not there; add it with `project add`");
            unavailable()
        })
    }

    /// Checks whether a dashboard may watch an agent, by slug or id, without watching it.
    ///
    /// # Errors
    /// There is no such agent that the caller may watch.
    pub fn check_watch(&self, caller: &Caller, agent: &str) -> Result<(), Error> {
        self.watchable(&self.directory.snapshot(), caller, agent).map(drop)
    }

    /// Begins to watch an agent, by slug or id, in the place of whoever did before.
    ///
    /// # Errors
    /// There is no such agent that the caller may watch.
    pub fn watch(self: &Arc<Self>, caller: &Caller, agent: &str) -> Result<Watch, Error> {
        let snapshot = self.directory.snapshot();
        let row = self.watchable(&snapshot, caller, agent)?;
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
            let event = event.in_project(&caller.project_id).on(watch.watched().agent_id.as_str());
            match caller.credential {
                Credential::Application { .. } => event.because("with a token of the application"),
                _ => event.because("with a token of the gateway"),
            }
        });
        Ok(watch)
    }

    /// An agent that a caller may watch. The refusal is recorded.
    fn watchable<'a>(&self, snapshot: &'a Snapshot, caller: &Caller, agent: &str) -> Result<&'a Agent, Error> {
        let named = snapshot.agent_named(&caller.project_id, agent);
        named.filter(|row| may_watch(caller, row)).ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, "there is no such agent that you may watch");
            let subject = named.map_or("an unknown agent", |row| row.id.as_str());
            self.audit.refused(action::FEED_CONNECT, caller, subject, &error.to_string());
            error
        })
    }

    /// Ends watches that are not allowed any more, in projects that changed after a revision of the directory.
    pub(crate) fn check_watches_since(&self, revision: i64) {
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

fn unauthenticated(message: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}

fn may_watch(caller: &Caller, agent: &Agent) -> bool {
    let watched = Resource::Agent { project: &agent.project_id, agent: &agent.id, owner: agent.owner.as_deref() };
    authorize(caller, Action::Watch, watched).is_ok()
}

/// The environment of an agent's tools.
pub(super) fn environment_of(snapshot: &Snapshot, agent: &Agent) -> Option<EnvironmentId> {
    let environments = snapshot.environments(&agent.project_id);
    resolve(environments, agent.profile.environment.as_deref()).map(|environment| environment.id.clone())
}
