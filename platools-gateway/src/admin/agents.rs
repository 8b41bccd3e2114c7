//! Functions of [`Admin`] that list, find, add, change and remove the agents of a project.

use std::sync::Arc;

use super::validation::{self, check_owner, check_title};
use super::{Admin, Agent, AgentChange, NewAgent, exists, missing};
use crate::audit::action;
use crate::directory::{check_address, missing_agent};
use crate::domain::agent_profile::{MemberChange, Profile};
use crate::domain::error::Error;
use crate::domain::ids::AgentId;
use crate::domain::slug::check_slug;
use crate::ports::time::now_ms;

impl Admin<'_> {
    /// The agents, by slug.
    #[must_use]
    pub fn agents(&self) -> Vec<Agent> {
        self.snapshot().agents_of(&self.project).into_iter().cloned().collect()
    }

    /// Finds an agent by slug or id.
    ///
    /// # Errors
    /// There is no such agent.
    pub fn agent(&self, name: &str) -> Result<Agent, Error> {
        let snapshot = self.snapshot();
        let found = snapshot.agent_named(&self.project, name).cloned();
        found.ok_or_else(|| missing_agent(&snapshot, &self.project, name))
    }

    /// Adds an agent.
    ///
    /// # Errors
    /// There is one of that slug or address, the slug, a name or the owner is malformed, the profile's environment is not there, or
    /// the database failed.
    pub async fn add_agent(&self, slug: &str, new: impl Into<NewAgent>) -> Result<Agent, Error> {
        check_slug(slug)?;
        let NewAgent { profile, owner, title, address } = new.into();
        self.check_profile(&profile)?;
        let limit = self.services.limiter.project().agents.get();
        let row = Agent {
            id: AgentId::random(),
            project_id: self.project.clone(),
            slug: slug.to_owned(),
            title: title.as_deref().map(check_title).transpose()?,
            address: address.as_deref().map(check_address).transpose()?,
            profile: Arc::new(profile),
            owner: owner.as_deref().map(check_owner).transpose()?,
            created_ms: now_ms(),
        };
        let change = self.record(action::AGENT_CREATE, row.id.as_str(), &format!("slug {slug}"));
        if !change.store().add_agent(&row, limit).await? {
            return Err(exists("agent", slug));
        }
        change.done();
        self.services.directory.refresh().await?;
        Ok(row)
    }

    /// Changes an agent's names, profile or owner. Agents with sessions see new names at once. Other members keep their values, so two changes at
    /// the same time do not undo each other. Dashboards that may not watch the agent any more are closed.
    ///
    /// # Errors
    /// There is no such agent, the address is another agent's, the profile's environment is not there, a name or the owner is malformed,
    /// or the database failed.
    pub async fn change_agent(&self, name: &str, change: impl Into<AgentChange>) -> Result<Agent, Error> {
        let row = self.existing_agent(name)?;
        let mut change = change.into();
        if let MemberChange::To(environment) = &change.profile.environment {
            self.services.directory.environment(&self.project, Some(environment))?;
        }
        change.owner = change.owner.map(|owner| unless_empty(owner, check_owner)).transpose()?;
        change.title = change.title.map(|title| unless_empty(title, check_title)).transpose()?;
        change.address = change.address.map(|address| unless_empty(address, check_address)).transpose()?;
        let recorded = self.record(action::AGENT_UPDATE, row.id.as_str(), &format!("slug {}", row.slug));
        recorded.store().change_agent(&row.id, &change).await?;
        recorded.done();
        self.services.reconciler.reconcile().await?;
        // Another process may have removed it meanwhile.
        self.snapshot().agent(&row.id).cloned().ok_or_else(|| missing("agent", name))
    }

    /// Removes an agent, its keys and its conversations. Its tokens end.
    ///
    /// # Errors
    /// There is no such agent, or the database failed.
    pub async fn remove_agent(&self, name: &str) -> Result<(), Error> {
        let row = self.existing_agent(name)?;
        let change = self.record(action::AGENT_DELETE, row.id.as_str(), &format!("slug {}", row.slug));
        change.store().remove_agent(&row.id).await?;
        change.done();
        self.services.reconciler.reconcile().await
    }

    pub(super) fn agent_id(&self, name: Option<&str>) -> Result<Option<AgentId>, Error> {
        name.map(|name| self.agent(name).map(|agent| agent.id)).transpose()
    }

    fn existing_agent(&self, name: &str) -> Result<Agent, Error> {
        self.snapshot().agent_named(&self.project, name).cloned().ok_or_else(|| missing("agent", name))
    }

    /// Refuses a profile whose agent could never answer.
    fn check_profile(&self, profile: &Profile) -> Result<(), Error> {
        validation::check_profile(profile)?;
        self.services.directory.environment(&self.project, profile.environment.as_deref()).map(drop)
    }
}

/// Checks a text. An empty one, which removes the present value, is not checked.
fn unless_empty(said: String, check: fn(&str) -> Result<String, Error>) -> Result<String, Error> {
    if said.is_empty() { Ok(said) } else { check(&said) }
}
