//! Functions of [`Admin`] that read the permissions in a request for a key or token, and check them against those of its maker.

use super::texts::check_tool_roles;
use super::{Admin, owner_named};
use crate::authority::{AskedGrant, Grant, grant, lineage};
use crate::domain::environment;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Credential, Role, SpeaksFor};
use crate::domain::ids::EnvironmentId;
use crate::domain::text::USER_ID;

/// A name for people has at most so many characters.
const MAX_NAME_CHARS: usize = 128;

/// A key or token lists at most so many users or environments: a token has to fit into the head of a request.
const MAX_LISTED: usize = 64;

/// The number of generations of tokens that may mint one another.
const MAX_LINEAGE: usize = 8;

/// The limits in a request for a key or token.
pub(super) struct Wanted<'a> {
    pub(super) role: Role,
    pub(super) tool_roles: &'a [String],
    pub(super) user: Option<&'a str>,
    pub(super) agent: Option<&'a str>,
    pub(super) speaks_for: Option<&'a SpeaksFor>,
    pub(super) environments: Option<&'a [String]>,
    pub(super) expires_ms: Option<i64>,
}

impl Admin<'_> {
    /// The limits of a new key or token.
    pub(super) fn grant(&self, wanted: &Wanted<'_>) -> Result<Grant, Error> {
        check_tool_roles(wanted.tool_roles)?;
        USER_ID.check_any(wanted.user)?;
        let environments = wanted.environments.map(|names| self.environment_ids(names)).transpose()?;
        let asked = AskedGrant {
            role: wanted.role,
            user: wanted.user.map(owner_named).transpose()?,
            agent: self.agent_id(wanted.agent)?,
            speaks_for: wanted.speaks_for.map(checked_users).transpose()?,
            environments,
            expires_ms: wanted.expires_ms,
        };
        let maker = self.maker.as_ref();
        let end = maker.and_then(|maker| self.snapshot().end_of(&maker.credential));
        grant(maker, end, asked)
    }

    /// The credentials that what is made now depends on: none on the command line.
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

/// Checks a name for people.
pub(super) fn checked_name(name: Option<String>) -> Result<Option<String>, Error> {
    name.as_deref().map_or(Ok(()), |name| check_text("a name", name, MAX_NAME_CHARS)).map(|()| name)
}

fn checked_users(speaks_for: &SpeaksFor) -> Result<SpeaksFor, Error> {
    if let SpeaksFor::Users(users) = speaks_for {
        check_number("users", users.len())?;
        users.iter().try_for_each(|user| owner_named(user).map(drop))?;
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

fn check_text(what: &str, text: &str, most_chars: usize) -> Result<(), Error> {
    if !text.trim().is_empty() && text.chars().nth(most_chars).is_none() && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("{what} has 1 to {most_chars} characters, and no control characters");
    Err(Error::new(ErrorKind::InvalidRequest, message))
}
