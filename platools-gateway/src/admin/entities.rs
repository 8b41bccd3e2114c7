//! Entities that come, change and go.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::views::{NewEntity, WithSecret};
use super::{Admin, exists, missing, unless_empty};
use crate::audit::action;
use crate::authority::secret::{self, Kind};
use crate::directory::{check_icon, check_title};
use crate::domain::entity::{Entity, EntityChange, EntitySecret, NewSecret};
use crate::domain::error::Error;
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
    /// There is one of that slug, the slug, the title or the icon is malformed, the project has as many entities as it may have, or
    /// the database failed.
    pub async fn add_entity(&self, slug: &str, new: impl Into<NewEntity>) -> Result<WithSecret<Entity>, Error> {
        let secret = secret::generate(Kind::Worker);
        let new = self.add_entity_with(slug, new, &secret).await?;
        Ok(WithSecret { new, secret })
    }

    pub(crate) async fn add_entity_with(
        &self,
        slug: &str,
        new: impl Into<NewEntity>,
        secret: &SecretString,
    ) -> Result<Entity, Error> {
        self.check_whole_project()?;
        check_slug(slug)?;
        let NewEntity { policy, title, icon } = new.into();
        let row = Entity {
            id: EntityId::random(),
            project_id: self.project.clone(),
            slug: slug.to_owned(),
            title: title.as_deref().map(check_title).transpose()?,
            icon: icon.as_deref().map(check_icon).transpose()?,
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

    /// Changes what people see of an entity. What is not said stays as it is.
    ///
    /// # Errors
    /// There is no such entity, the title or the icon is malformed, or the database failed.
    pub async fn change_entity(&self, name: &str, change: EntityChange) -> Result<Entity, Error> {
        self.check_whole_project()?;
        let snapshot = self.snapshot();
        let row = snapshot.entity_named(&self.project, name).ok_or_else(|| missing("entity", name))?;
        let change = EntityChange {
            title: change.title.map(|title| unless_empty(title, check_title)).transpose()?,
            icon: change.icon.map(|icon| unless_empty(icon, check_icon)).transpose()?,
        };
        let recorded = self.record(action::ENTITY_UPDATE, row.id.as_str(), &format!("slug {}", row.slug));
        recorded.store().change_entity(&row.id, &change).await?;
        recorded.done();
        self.services.directory.refresh().await?;
        // Another process may have removed it meanwhile.
        self.snapshot().entity(&row.id).cloned().ok_or_else(|| missing("entity", name))
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
        let secret = secret::generate(Kind::Worker);
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
