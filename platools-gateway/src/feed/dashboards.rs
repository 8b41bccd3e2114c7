//! [`Dashboards`]: authenticates dashboards and lets each watch an agent.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use secrecy::SecretString;

use super::builtin_state::environment_of;
use super::dashboard_auth::{AuthChecks, DashboardAuth, DashboardRequest, DashboardUser, unavailable};
use super::snapshot::Watched;
use super::snapshot_source::SnapshotSource;
use super::subscription::{Subscription, WatchEnd};
use super::watch::Watch;
use super::{Feed, FeedSettings};
use crate::audit::Audit;
use crate::authority::secret;
use crate::authority::{Action, Resource, authorize, looks_like_one, names_gateway};
use crate::connections::Authenticator;
use crate::directory::{Directory, DirectorySnapshot};
use crate::domain::agent::Agent;
use crate::domain::audit::action;
use crate::domain::digest;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Credential, Role, SpeaksFor};
use crate::domain::ids::ProjectId;
use crate::domain::origin::RequestOrigin;
use crate::domain::project::ProjectName;
use crate::domain::text_rule::USER_ID;
use crate::ports::time::{ms_of, now_ms};

/// Authenticates dashboards and lets them watch agents.
#[derive(Debug)]
pub struct Dashboards {
    feed: Feed,
    directory: Arc<Directory>,
    authenticator: Arc<Authenticator>,
    audit: Arc<Audit>,
    /// The application's check of its own tokens, if it has one.
    application_auth: Option<AuthChecks>,
    source: Arc<SnapshotSource>,
    /// The revision of the directory at the last check of watches.
    checked_revision: AtomicI64,
}

impl Dashboards {
    pub(crate) fn new(
        feed: Feed,
        directory: Arc<Directory>,
        authenticator: Arc<Authenticator>,
        audit: Arc<Audit>,
        application_auth: Option<Arc<dyn DashboardAuth>>,
        source: SnapshotSource,
    ) -> Self {
        let (application_auth, source) = (application_auth.map(AuthChecks::new), Arc::new(source));
        Self { feed, directory, authenticator, audit, application_auth, source, checked_revision: AtomicI64::default() }
    }

    /// The settings of the feed.
    pub(crate) fn settings(&self) -> &FeedSettings {
        &self.feed.0.settings
    }

    /// Finds the caller of a dashboard's token: a token that the gateway signed, or one of the application's. Keys are refused: the
    /// token is in a URL, which many programs read, so it has to end soon.
    ///
    /// # Errors
    /// The token is not known or has ended, the application could not check it, or there were too many wrong ones.
    pub(crate) async fn authenticate(
        &self,
        token: &SecretString,
        agent: &str,
        from: impl Into<RequestOrigin>,
    ) -> Result<Caller, Error> {
        let from = from.into();
        let Some(auth) = &self.application_auth else { return self.authenticate_token(token, from).await };
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

    /// Makes a caller of a user of the application. It may watch its own agents and nothing else, as only the live feed uses it.
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
            tracing::error!(project = %name, "users of the application are in a project that does not exist; add it with `project add`");
            unavailable()
        })
    }

    /// Checks whether a dashboard may watch an agent, by slug or id, without watching it.
    ///
    /// # Errors
    /// There is no such agent that the caller may watch.
    pub(crate) fn check(&self, caller: &Caller, agent: &str) -> Result<(), Error> {
        self.watchable(&self.directory.snapshot(), caller, agent).map(drop)
    }

    /// Begins to watch an agent, by slug or id. The agent's earlier watch ends.
    ///
    /// # Errors
    /// There is no such agent that the caller may watch.
    pub(crate) fn watch(&self, caller: &Caller, agent: &str) -> Result<Watch, Error> {
        let snapshot = self.directory.snapshot();
        let row = self.watchable(&snapshot, caller, agent)?;
        let watched = Watched {
            agent_id: row.id.clone(),
            agent: row.slug.clone(),
            project_id: row.project_id.clone(),
            caller: caller.clone(),
            feed: self.feed.clone(),
        };
        let (ids, environment) = ((row.id.clone(), row.project_id.clone()), environment_of(&snapshot, row));
        let subscription = Arc::new(Subscription::new(ids, caller.clone(), environment, self.settings()));
        let watch = Watch::begin(watched, subscription, Arc::clone(&self.source), agent);
        // The removal of an agent ends the watches that exist then. This one may have been added after that.
        self.recheck(&self.directory.snapshot(), watch.subscription());
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
    fn watchable<'a>(&self, snapshot: &'a DirectorySnapshot, caller: &Caller, agent: &str) -> Result<&'a Agent, Error> {
        let named = snapshot.agent_named(&caller.project_id, agent);
        named.filter(|row| may_watch(caller, row)).ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, "there is no such agent that you may watch");
            let subject = named.map_or("an unknown agent", |row| row.id.as_str());
            self.audit.refused(action::FEED_CONNECT, caller, subject, &error.to_string());
            error
        })
    }

    /// Ends watches that are not allowed any more, and shows changed tools, in projects that changed since the last call.
    pub(crate) fn apply_directory(&self) {
        let snapshot = self.directory.snapshot();
        let checked = self.checked_revision.swap(snapshot.revision, Ordering::Relaxed);
        if checked == snapshot.revision {
            return;
        }
        let subscriptions = &self.feed.0.subscriptions;
        let changed = || subscriptions.in_projects(|project| snapshot.has_changed_since(project, checked));
        changed().iter().for_each(|subscription| self.recheck(&snapshot, subscription));
        if self.source.is_builtin() {
            self.feed.0.shown_tools.forget_all();
            changed().iter().for_each(|subscription| subscription.mailbox.tools_changed());
        }
    }

    /// Drops the keys of agents that do not exist.
    pub(crate) fn sweep_keys(&self) {
        let snapshot = self.directory.snapshot();
        self.feed.sweep_keys(|agent| snapshot.agent(agent).is_some());
    }

    /// Ends a watch whose caller may not watch the agent any more. Otherwise notes the environment of the agent's tools.
    fn recheck(&self, snapshot: &DirectorySnapshot, subscription: &Arc<Subscription>) {
        let row = snapshot.agent(&subscription.agent_id);
        match row.filter(|row| may_watch(&subscription.caller, row)) {
            Some(row) => self.feed.0.subscriptions.moves_to(subscription, environment_of(snapshot, row)),
            None => subscription.end_with(WatchEnd::NoSuchAgent),
        }
    }
}

/// The refusal of a token that neither the gateway nor the application accepts. It does not say which of them refused it.
const NOT_ACCEPTED: &str = "this token is neither one of `POST /v1/tokens` nor one of the application, or it has ended";

/// Hexadecimal digits of a hash that stand for a user of the application in logs and limits.
const USER_DIGITS: usize = 16;

fn unauthenticated(message: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, message)
}

fn may_watch(caller: &Caller, agent: &Agent) -> bool {
    let watched = Resource::Agent { project: &agent.project_id, agent: &agent.id, owner: agent.owner.as_deref() };
    authorize(caller, Action::Watch, watched).is_ok()
}
