//! Functions of [`Admin`] that decide the permissions of a new key or token. They check what an admin requests, such as a role and users,
//! against the credential of the admin.

use super::Admin;
use super::validation::{check_owner, check_tool_roles};
use super::views::NewCredential;
use crate::authority::{AskedGrant, Grant, grant, lineage};
use crate::domain::environment;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Credential, SpeaksFor};
use crate::domain::ids::EnvironmentId;
use crate::domain::text_rule::USER_ID;

impl Admin<'_> {
    /// The permissions of a new key or token, which may be for a user.
    pub(super) fn grant(
        &self,
        new: &NewCredential,
        user: Option<&str>,
        expires_ms: Option<i64>,
    ) -> Result<Grant, Error> {
        check_tool_roles(&new.tool_roles)?;
        USER_ID.check_any(user)?;
        let environments = new.environments.as_deref().map(|names| self.environment_ids(names)).transpose()?;
        let asked = AskedGrant {
            role: new.role,
            user: user.map(check_owner).transpose()?,
            agent: self.agent_id(new.agent.as_deref())?,
            speaks_for: new.speaks_for.as_ref().map(checked_users).transpose()?,
            environments,
            expires_ms,
        };
        let maker = self.maker.as_ref();
        let end = maker.and_then(|maker| self.snapshot().end_of(&maker.credential));
        grant(maker, end, asked)
    }

    /// The credentials that a new key or token depends on: none on the command line.
    pub(super) fn makers(&self) -> Result<Vec<Credential>, Error> {
        let makers = self.maker.as_ref().map(|maker| lineage(&maker.credential)).unwrap_or_default();
        if makers.len() > MAX_LINEAGE {
            let message = format!("tokens mint one another for at most {MAX_LINEAGE} generations; use a key");
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        Ok(makers)
    }

    /// The slugs of environments, or the ids of those that are gone.
    pub(super) fn environment_slugs(&self, ids: &[EnvironmentId]) -> Vec<String> {
        let snapshot = self.snapshot();
        let environments = snapshot.environments(&self.project);
        let slug = |id: &EnvironmentId| {
            let found = environments.iter().find(|environment| environment.id == *id);
            found.map_or_else(|| id.to_string(), |environment| environment.slug.clone())
        };
        ids.iter().map(slug).collect()
    }

    fn environment_ids(&self, names: &[String]) -> Result<Vec<EnvironmentId>, Error> {
        check_number("environments", names.len())?;
        if names.is_empty() {
            let message = "a list of environments names at least one; leave it out for all of them";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let snapshot = self.snapshot();
        let environments = snapshot.environments(&self.project);
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            // An empty name would mean the default one.
            let found = Some(name).filter(|name| !name.trim().is_empty());
            let found = found.and_then(|name| environment::resolve(environments, Some(name)));
            let found = found.ok_or_else(|| {
                Error::new(ErrorKind::InvalidRequest, format!("there is no environment {name:?} in this project"))
            })?;
            if !ids.contains(&found.id) {
                ids.push(found.id.clone());
            }
        }
        Ok(ids)
    }
}

/// The most users or environments in the list of a key or token: a token has to fit into the head of a request.
const MAX_LISTED: usize = 64;

/// The number of generations of tokens that may mint one another.
const MAX_LINEAGE: usize = 8;

fn checked_users(speaks_for: &SpeaksFor) -> Result<SpeaksFor, Error> {
    if let SpeaksFor::Users(users) = speaks_for {
        check_number("users", users.len())?;
        users.iter().try_for_each(|user| check_owner(user).map(drop))?;
        if users.is_empty() {
            return Ok(SpeaksFor::Nobody);
        }
    }
    Ok(speaks_for.clone())
}

fn check_number(of: &str, number: usize) -> Result<(), Error> {
    if number <= MAX_LISTED {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidRequest,
        format!("a key or token lists at most {MAX_LISTED} {of}, and not {number}"),
    ))
}
