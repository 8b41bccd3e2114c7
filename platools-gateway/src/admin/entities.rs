//! Functions of [`Admin`] that list, add and remove the entities of a project, and rotate their secrets.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::views::WithSecret;
use super::{Admin, exists, missing};
use crate::audit::action;
use crate::authority::secret::{self, SecretKind};
use crate::domain::entity::{Entity, EntitySecret, NewSecret};
use crate::domain::error::Error;
use crate::domain::identity::Policy;
use crate::domain::ids::{EntityId, SecretId};
use crate::domain::slug::check_slug;
use crate::ports::time::{ms_after, now_ms};

impl Admin<'_> {
    /// The entities, by slug.
    #[must_use]
    pub fn entities(&self) -> Vec<Entity> {
        self.snapshot().entities_of(&self.project).into_iter().cloned().collect()
    }

    /// Adds an entity with a new secret.
    ///
    /// # Errors
    /// There is one of that slug, the slug is malformed, the project has as many entities as it may have, or the database failed.
    pub async fn add_entity(&self, slug: &str, policy: Policy) -> Result<WithSecret<Entity>, Error> {
        let secret = secret::generate(SecretKind::Worker);
        let new = self.add_entity_with(slug, policy, &secret).await?;
        Ok(WithSecret { new, secret })
    }

    pub(crate) async fn add_entity_with(
        &self,
        slug: &str,
        policy: Policy,
        secret: &SecretString,
    ) -> Result<Entity, Error> {
        self.check_whole_project()?;
        check_slug(slug)?;
        let row = Entity {
            id: EntityId::random(),
            project_id: self.project.clone(),
            slug: slug.to_owned(),
            policy,
            created_ms: now_ms(),
        };
        let secret = EntitySecret {
            id: SecretId::random(),
            entity_id: row.id.clone(),
            hash: secret::hash(secret.expose_secret()),
            expires_ms: None,
        };
        let change = self.record(action::ENTITY_CREATE, row.id.as_str(), &format!("slug {slug}"));
        let limit = self.services.limiter.project().entities.get();
        if !change.store().add_entity(&row, &secret, limit).await? {
            return Err(exists("entity", slug));
        }
        change.done();
        self.services.directory.refresh().await?;
        Ok(row)
    }

    /// Gives an entity another secret. The old ones are good for the grace time; the links opened with them are closed at its
    /// end, which is at once for a grace of zero.
    ///
    /// # Errors
    /// The caller is confined to some environments, there is no such entity, or the database failed.
    pub async fn rotate_entity(&self, name: &str, grace: Duration) -> Result<WithSecret<Entity>, Error> {
        self.check_whole_project()?;
        let snapshot = self.snapshot();
        let row = snapshot.entity_named(&self.project, name).ok_or_else(|| missing("entity", name))?;
        let secret = secret::generate(SecretKind::Worker);
        let new = NewSecret {
            entity_id: &row.id,
            id: &SecretId::random(),
            hash: &secret::hash(secret.expose_secret()),
            others_expire_ms: ms_after(grace),
        };
        let change = self.record(action::ENTITY_ROTATE, row.id.as_str(), &format!("slug {}", row.slug));
        change.store().rotate_secret(&new).await?;
        change.done();
        self.services.reconciler.reconcile().await?;
        Ok(WithSecret { new: row.clone(), secret })
    }

    /// Removes an entity with its secrets and tools, and closes its links.
    ///
    /// # Errors
    /// The caller is confined to some environments, there is no such entity, or the database failed.
    pub async fn remove_entity(&self, name: &str) -> Result<(), Error> {
        self.check_whole_project()?;
        let snapshot = self.snapshot();
        let row = snapshot.entity_named(&self.project, name).ok_or_else(|| missing("entity", name))?;
        let change = self.record(action::ENTITY_DELETE, row.id.as_str(), &format!("slug {}", row.slug));
        change.store().remove_entity(&row.id).await?;
        change.done();
        self.services.reconciler.reconcile().await
    }
}
