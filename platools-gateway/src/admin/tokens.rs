//! Functions of [`Admin`] that sign, list and revoke tokens of callers and of workers.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::validation::checked_name;
use super::views::{NewCredential, NewToken, NewWorkerToken, SignedToken, Token};
use super::{Admin, MAX_TOKEN_TTL, missing};
use crate::audit::action;
use crate::authority::{self, CallerClaims, NewClaims, Signed, WorkerClaims};
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Credential, Role, SpeaksFor};
use crate::domain::ids::{EntityId, EnvironmentId};
use crate::domain::token::{StoredToken, TokenAddition, TokenPage};
use crate::ports::time::{ms_after, now_ms};

/// The number of tokens of one project that are valid or revoked at the same time.
pub const MAX_TOKENS: u32 = 100_000;

/// A longer token does not fit into the head of a request, beside everything else that is there.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The place in a list of tokens after which a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokensBefore {
    /// Time when the last token of the previous page was signed, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its id.
    pub id: String,
}

impl Admin<'_> {
    /// Lists valid tokens, of callers and of workers, latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tokens(&self, before: Option<&TokensBefore>, limit: usize) -> Result<Vec<Token>, Error> {
        let now_ms = now_ms();
        let keys = self.services.directory.readable_signing_keys().await;
        let signed_by = keys.map(|keys| keys.verifying(now_ms).map(|key| key.kid.clone()).collect::<Vec<_>>());
        let page = TokenPage {
            project: &self.project,
            signed_by: signed_by.as_deref(),
            before: before.map(|before| (before.created_ms, bare(&before.id))),
            limit,
            now_ms,
        };
        let rows = self.services.directory.store().tokens(page).await?;
        Ok(rows.into_iter().map(|row| self.token(row)).collect())
    }

    /// Signs a token for a caller. A token that another key or token mints allows no more than that credential, does not outlive it, and
    /// ends with it.
    ///
    /// # Errors
    /// There is no such agent or environment, the name or the users are malformed, the token would be good for too long or no
    /// time at all, it would allow more than the credential that mints it, the project has too many, or the database failed.
    pub async fn mint_token(&self, new: NewToken) -> Result<SignedToken, Error> {
        let NewToken { credential: new, user_id, ttl } = new;
        check_ttl(ttl)?;
        let grant = self.grant(&new, user_id.as_deref(), Some(ms_after(ttl)))?;
        let claims = CallerClaims {
            project: self.project.to_string(),
            role: new.role.as_str().to_owned(),
            roles: new.tool_roles.clone(),
            user: user_id.clone(),
            agent: grant.agent.as_ref().map(ToString::to_string),
            speaks_for: Some(grant.speaks_for.clone()),
            environments: grant.environments.as_ref().map(|ids| ids.iter().map(ToString::to_string).collect()),
        };
        let record = StoredToken {
            name: checked_name(new.name)?,
            role: Some(new.role),
            tool_roles: new.tool_roles,
            user_id,
            speaks_for: Some(grant.speaks_for),
            environments: grant.environments,
            agent_id: grant.agent,
            ..self.blank()
        };
        self.sign(authority::CALLER, claims, record, self.makers()?, ttl).await
    }

    /// Signs a token that a worker may use in place of its entity's secret, in one environment or in all. It ends with that
    /// secret, which is at the end of the grace time when the secret is rotated, and with the credential that minted it.
    ///
    /// # Errors
    /// There is no such entity or environment, and otherwise as for [`Admin::mint_token`].
    pub async fn mint_worker_token(&self, entity: &str, new: NewWorkerToken) -> Result<SignedToken, Error> {
        check_ttl(new.ttl)?;
        let snapshot = self.snapshot();
        let row = snapshot.entity_named(&self.project, entity).ok_or_else(|| missing("entity", entity))?;
        let environment = self.worker_environment(&new)?;
        let secret = snapshot.current_secret(&row.id).ok_or_else(|| missing("secret of the entity", entity))?;
        let claims = WorkerClaims {
            project: self.project.to_string(),
            entity: row.id.to_string(),
            env: environment.as_ref().map(ToString::to_string),
        };
        let record = StoredToken {
            name: checked_name(new.name)?,
            environments: environment.map(|environment| vec![environment]),
            entity_id: Some(row.id.clone()),
            secret_id: Some(secret.id.clone()),
            ..self.blank()
        };
        let mut parents = self.makers()?;
        parents.push(Credential::Secret(secret.id.clone()));
        self.sign(authority::WORKER, claims, record, parents, new.ttl).await
    }

    /// Revokes a token, with all that were minted with it. Sockets that were opened with any of them are closed.
    ///
    /// # Errors
    /// There is no such token, or the database failed.
    pub async fn revoke_token(&self, id: &str) -> Result<(), Error> {
        let row = self.services.directory.store().token(&self.project, bare(id)).await?;
        self.check_reaches(row.ok_or_else(|| missing("token", id))?.environments.as_deref())?;
        let change = self.record(action::TOKEN_REVOKE, &public(bare(id)), "");
        if !change.store().revoke_token(&self.project, bare(id), now_ms()).await? {
            return Err(missing("token", id));
        }
        change.done();
        self.services.reconciler.reconcile().await
    }

    /// The environment of a worker's token. `None` means all, which only a maker that reaches all may grant.
    fn worker_environment(&self, new: &NewWorkerToken) -> Result<Option<EnvironmentId>, Error> {
        let credential = NewCredential {
            speaks_for: Some(SpeaksFor::Nobody),
            environments: new.environment.as_ref().map(|name| vec![name.clone()]),
            ..NewCredential::new(Role::Viewer)
        };
        let grant = self.grant(&credential, None, Some(ms_after(new.ttl)))?;
        match grant.environments {
            Some(environments) if environments.len() > 1 => {
                let message =
                    "name the one environment that the token is for: the credential that mints it does not reach all";
                Err(Error::new(ErrorKind::Forbidden, message))
            }
            environments => Ok(environments.and_then(|environments| environments.into_iter().next())),
        }
    }

    async fn sign<C: serde::Serialize>(
        &self,
        audience: &str,
        claims: C,
        record: StoredToken,
        parents: Vec<Credential>,
        ttl: Duration,
    ) -> Result<SignedToken, Error> {
        self.services.directory.signing_keys().await?;
        let new = NewClaims { audience, parents: &parents, claims };
        let signed = self.services.directory.token_signer().sign(new, ttl, record.created_ms)?;
        if signed.token.expose_secret().len() > MAX_TOKEN_BYTES {
            let message =
                "the token would be too long for the head of a request; list fewer users, environments or tool roles";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let record = StoredToken {
            id: signed.id.clone(),
            key_id: parents.iter().find_map(|parent| match parent {
                Credential::Key(id) => Some(id.clone()),
                _ => None,
            }),
            signed_by: signed.kid.clone(),
            expires_ms: signed.expires_ms,
            ..record
        };
        let (action, detail) = match (&record.role, &record.entity_id) {
            (Some(role), _) => (action::TOKEN_MINT, format!("role {role}")),
            (None, entity) => {
                (action::WORKER_TOKEN_MINT, format!("entity {}", entity.as_ref().map_or("", EntityId::as_str)))
            }
        };
        let change = self.record(action, &public(&record.id), &detail);
        match change.store().add_token(&record, &parents, MAX_TOKENS.into()).await? {
            TokenAddition::Added => {
                change.done();
                Ok(shown(signed))
            }
            TokenAddition::ParentEnded => {
                let message = "the credential that mints this token, or the secret it stands in for, has ended";
                Err(Error::new(ErrorKind::Unauthenticated, message))
            }
            TokenAddition::ProjectIsFull => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "the project has {MAX_TOKENS} tokens that have not ended; mint tokens that end sooner, or wait until some have"
                ),
            )),
        }
    }

    /// A record of this project, now.
    fn blank(&self) -> StoredToken {
        StoredToken {
            parent: self.maker.as_ref().map(|maker| maker.credential.to_string()),
            created_ms: now_ms(),
            ..StoredToken::blank(self.project.clone())
        }
    }

    fn token(&self, row: StoredToken) -> Token {
        let last_used_ms = self.services.directory.last_uses().of(&row.id).max(row.last_used_ms);
        Token {
            id: public(&row.id),
            name: row.name,
            role: row.role,
            tool_roles: row.tool_roles,
            user_id: row.user_id,
            agent_id: row.agent_id,
            entity_id: row.entity_id,
            speaks_for: row.speaks_for,
            environments: row.environments.as_deref().map(|ids| self.environment_slugs(ids)),
            parent: row.parent,
            created_ms: row.created_ms,
            expires_ms: row.expires_ms,
            last_used_ms,
        }
    }
}

fn shown(signed: Signed) -> SignedToken {
    SignedToken { id: public(&signed.id), token: signed.token, expires_ms: signed.expires_ms }
}

/// A token's id as journal and lists show it.
fn public(id: &str) -> String {
    format!("tok_{id}")
}

/// A token's id as its claims have it.
fn bare(id: &str) -> &str {
    id.strip_prefix("tok_").unwrap_or(id)
}

fn check_ttl(ttl: Duration) -> Result<(), Error> {
    if !ttl.is_zero() && ttl <= MAX_TOKEN_TTL {
        return Ok(());
    }
    let message = "a token is good for at least a second and at most 366 days";
    Err(Error::new(ErrorKind::InvalidRequest, message))
}
