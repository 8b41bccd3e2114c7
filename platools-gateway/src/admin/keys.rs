//! Functions of [`Admin`] that list, add and revoke the keys of callers and agents.

use secrecy::{ExposeSecret as _, SecretString};

use super::validation::checked_name;
use super::views::{Key, NewKey, WithSecret};
use super::{Admin, missing};
use crate::audit::action;
use crate::authority::secret::{self, SecretKind};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::Role;
use crate::domain::ids::KeyId;
use crate::domain::key::{KeyRemoval, StoredKey};
use crate::ports::time::{ms_after, now_ms};

impl Admin<'_> {
    /// The keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.snapshot().keys_of(&self.project).into_iter().map(|row| self.key(row)).collect()
    }

    /// Adds a key. A key that another key or token adds allows no more than that credential, and does not outlive it.
    ///
    /// # Errors
    /// There is no such agent or environment, the name or the users are malformed, the key would allow more than the credential
    /// that adds it, that one has ended, the project has as many keys as it may, or the database failed.
    pub async fn add_key(&self, new: NewKey) -> Result<WithSecret<Key>, Error> {
        let secret = secret::generate(SecretKind::Caller);
        let new = self.add_key_with(new, &secret).await?;
        Ok(WithSecret { new, secret })
    }

    pub(crate) async fn add_key_with(&self, new: NewKey, secret: &SecretString) -> Result<Key, Error> {
        let row = self.key_row(new, secret)?;
        let change = self.record(action::KEY_CREATE, row.id.as_str(), &format!("role {}", row.role));
        let limit = self.services.limiter.project().keys.get();
        if !change.store().add_key(&row, &self.makers()?, limit).await? {
            return Err(Error::new(ErrorKind::Unauthenticated, "the key or token that adds this key has ended"));
        }
        change.done();
        self.services.directory.refresh().await?;
        Ok(self.key(&row))
    }

    /// Adds an admin's key, if nobody has a key yet. Of several that try at once, one does.
    pub(crate) async fn add_first_key(&self) -> Result<Option<SecretString>, Error> {
        let secret = secret::generate(SecretKind::Caller);
        let row = self.key_row(NewKey::new(Role::Admin), &secret)?;
        let change = self.record(action::KEY_CREATE, row.id.as_str(), "the first key");
        let is_added = change.store().add_first_key(&row).await?;
        if is_added {
            change.done();
        }
        self.services.directory.refresh().await?;
        Ok(is_added.then_some(secret))
    }

    /// Revokes a key, with the tokens that were minted with it.
    ///
    /// # Errors
    /// There is no such key, it is the last admin key of the whole project, or the database failed.
    pub async fn revoke_key(&self, id: &str) -> Result<(), Error> {
        let snapshot = self.snapshot();
        if let Some(row) = snapshot.key_of(&self.project, id) {
            self.check_reaches(row.environments.as_deref())?;
        }
        let change = self.record(action::KEY_REVOKE, id, "");
        match change.store().remove_key(&self.project, &id.into()).await? {
            KeyRemoval::Removed => {
                change.done();
                self.services.reconciler.reconcile().await
            }
            KeyRemoval::Missing => Err(missing("key", id)),
            KeyRemoval::IsLastAdmin => {
                let message = "this is the last key of an admin; add another one first";
                Err(Error::new(ErrorKind::InvalidRequest, message))
            }
        }
    }

    fn key_row(&self, new: NewKey, secret: &SecretString) -> Result<StoredKey, Error> {
        let NewKey { credential: new, ttl } = new;
        let expires_ms = ttl.map(ms_after);
        let grant = self.grant(&new, None, expires_ms)?;
        Ok(StoredKey {
            id: KeyId::random(),
            project_id: self.project.clone(),
            hash: secret::hash(secret.expose_secret()),
            name: checked_name(new.name)?,
            role: new.role,
            tool_roles: new.tool_roles,
            speaks_for: grant.speaks_for,
            environments: grant.environments,
            agent_id: grant.agent,
            created_by: self.maker.as_ref().map(|maker| maker.credential.to_string()),
            created_ms: now_ms(),
            expires_ms,
            last_used_ms: None,
        })
    }

    fn key(&self, row: &StoredKey) -> Key {
        Key {
            id: row.id.clone(),
            name: row.name.clone(),
            role: row.role,
            tool_roles: row.tool_roles.clone(),
            agent_id: row.agent_id.clone(),
            speaks_for: row.speaks_for.clone(),
            environments: row.environments.as_deref().map(|ids| self.environment_slugs(ids)),
            created_ms: row.created_ms,
            created_by: row.created_by.clone(),
            expires_ms: row.expires_ms,
            // The database has it later, and the directory reads that only when something else changes.
            last_used_ms: self.services.directory.last_uses().of(row.id.as_str()).max(row.last_used_ms),
        }
    }
}
