//! Functions of [`Admin`] that list, add and remove the environments of a project. [`WhenInUse`] decides whether an environment that is in
//! use is removed or kept.

use super::{Admin, exists, missing};
use crate::audit::action;
use crate::authority::{Action, Resource, authorize};
use crate::domain::environment::{self, DEFAULT, Environment};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::slug::check_slug;

impl Admin<'_> {
    /// The environments, by slug.
    #[must_use]
    pub fn environments(&self) -> Vec<Environment> {
        self.snapshot().environments(&self.project).to_vec()
    }

    /// Adds an environment.
    ///
    /// # Errors
    /// The slug means an environment already, in any case or as an alias such as `prod`; it is malformed; the project has as many
    /// environments as it may have; or the database failed.
    pub async fn add_environment(&self, slug: &str) -> Result<Environment, Error> {
        self.check_whole_project()?;
        check_slug(slug)?;
        if let Some(meant) = environment::resolve(self.snapshot().environments(&self.project), Some(slug)) {
            return Err(means(slug, &meant.slug));
        }
        let limit = self.services.limiter.project().environments.get();
        let change = self.record(action::ENVIRONMENT_CREATE, slug, "");
        if !change.store().add_environment(&self.project, slug, limit).await? {
            return Err(exists("environment", slug));
        }
        change.done();
        self.services.directory.refresh().await?;
        let snapshot = self.snapshot();
        let added = environment::resolve(snapshot.environments(&self.project), Some(slug));
        added.cloned().ok_or_else(|| missing("environment", slug))
    }

    /// Removes an environment, named by slug or id, with its tools, and closes the links of its workers. An alias such as `prod` is not
    /// accepted.
    ///
    /// # Errors
    /// The credential reaches no such environment, it is the default one, it is in use, or the database failed.
    pub async fn remove_environment(&self, name: &str, when_in_use: WhenInUse) -> Result<(), Error> {
        let snapshot = self.snapshot();
        let environments = snapshot.environments(&self.project);
        let is_named = |found: &&Environment| found.slug.eq_ignore_ascii_case(name) || found.id.as_str() == name;
        let is_open = |found: &&Environment| self.reaches(found);
        let found = environments.iter().find(is_named).filter(is_open).ok_or_else(|| missing("environment", name))?;
        if found.slug.eq_ignore_ascii_case(DEFAULT) {
            let message = format!("the environment `{}` cannot be removed: it is the default environment", found.slug);
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        if when_in_use == WhenInUse::Refuse {
            self.check_unused(found).await?;
        }
        let change = self.record(action::ENVIRONMENT_DELETE, found.id.as_str(), &format!("slug {}", found.slug));
        change.store().remove_environment(&found.id).await?;
        change.done();
        self.services.reconciler.reconcile().await
    }

    /// True if the credential behind this reaches an environment. The command line reaches all.
    fn reaches(&self, environment: &Environment) -> bool {
        let resource = Resource::Environment(&environment.id);
        self.maker.as_ref().is_none_or(|maker| authorize(maker, Action::Administer, resource).is_ok())
    }

    async fn check_unused(&self, environment: &Environment) -> Result<(), Error> {
        let sets = self.services.catalog.list(&self.project).await?;
        let sets = sets.iter().filter(|set| set.identity.environment_id == environment.id);
        let tools: usize = sets.map(|set| set.tools.len()).sum();
        let workers = self.services.links.list(&self.project).into_iter();
        let workers = workers.filter(|worker| worker.identity.environment_id == environment.id).count();
        let snapshot = self.snapshot();
        let environments = snapshot.environments(&self.project);
        let agents = snapshot.agents_of(&self.project).into_iter().filter(|agent| {
            environment::resolve(environments, agent.profile.environment.as_deref()) == Some(environment)
        });
        let uses = [("tools", tools), ("connected workers", workers), ("agents", agents.count())];
        let uses: Vec<_> = uses.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what}: {n}")).collect();
        if uses.is_empty() {
            return Ok(());
        }
        let (slug, uses) = (&environment.slug, uses.join(", "));
        let message = format!(
            "the environment `{slug}` is in use ({uses}); to remove it nevertheless, add `--force` on the command line, or \
             `?force=true` over HTTP"
        );
        Err(Error::new(ErrorKind::InUse, message))
    }
}

/// The handling of an environment that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenInUse {
    /// It stays, and the error names its uses.
    #[default]
    Refuse,
    /// It is removed.
    Remove,
}

/// The error for a slug or alias of an existing environment, whose requests would reach the new one.
fn means(slug: &str, meant: &str) -> Error {
    if slug == meant {
        return exists("environment", slug);
    }
    let message = format!("`{slug}` means the environment `{meant}` already; choose another name");
    Error::new(ErrorKind::AlreadyExists, message)
}
