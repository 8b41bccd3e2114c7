//! [`grant`]: decides the permissions of a new key or token.
//!
//! The command line makes credentials without limits. Over a connection, a new credential gets at most the permissions of the credential
//! that makes it: its expiry, its users, its environments and its agent. A tool may require roles of its callers; only an admin can give
//! such roles to a credential.

use crate::domain::error::{Error, ErrorKind};
use crate::domain::identity::{Caller, Role, SpeaksFor};
use crate::domain::ids::{AgentId, EnvironmentId};

/// The limits that were asked for a new key or token.
#[derive(Debug, Clone)]
pub(crate) struct AskedGrant {
    pub(crate) role: Role,
    /// The user a token is for.
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) speaks_for: Option<SpeaksFor>,
    /// The environments; none means all of them.
    pub(crate) environments: Option<Vec<EnvironmentId>>,
    /// The end, in milliseconds since 1970.
    pub(crate) expires_ms: Option<i64>,
}

/// The limits of a new key or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) agent: Option<AgentId>,
    pub(crate) speaks_for: SpeaksFor,
    pub(crate) environments: Option<Vec<EnvironmentId>>,
}

/// Checks a new key or token against the credential that makes it, and fills in the limits that were not asked for. `expires_ms`
/// is the end of that credential; without a `minter`, it is the command line.
///
/// # Errors
/// The new one would allow more than the minter may.
pub(crate) fn grant(minter: Option<&Caller>, expires_ms: Option<i64>, asked: AskedGrant) -> Result<Grant, Error> {
    let Some(minter) = minter else { return Ok(unlimited(asked)) };
    if asked.role > minter.role {
        return Err(forbidden(format!(
            "a credential with the role {} makes none with the role {}",
            minter.role, asked.role
        )));
    }
    check_end(expires_ms, asked.expires_ms)?;
    check_user(minter, asked.user.as_deref())?;
    Ok(Grant {
        speaks_for: speaks_for(minter, &asked)?,
        environments: environments(minter, asked.environments)?,
        agent: agent(minter, asked.agent)?,
    })
}

/// The default of a token for a user, which speaks for nobody else unless it is an admin's.
pub(crate) fn default_speaks_for(role: Role, user: Option<&str>, agent: Option<&AgentId>) -> SpeaksFor {
    if user.is_some() && role < Role::Admin { SpeaksFor::Nobody } else { SpeaksFor::default_of(role, agent) }
}

fn unlimited(asked: AskedGrant) -> Grant {
    let default = || default_speaks_for(asked.role, asked.user.as_deref(), asked.agent.as_ref());
    Grant {
        speaks_for: asked.speaks_for.clone().unwrap_or_else(default),
        environments: asked.environments,
        agent: asked.agent,
    }
}

fn check_end(minter_ms: Option<i64>, asked_ms: Option<i64>) -> Result<(), Error> {
    let Some(minter_ms) = minter_ms else { return Ok(()) };
    if asked_ms.is_some_and(|asked_ms| asked_ms <= minter_ms) {
        return Ok(());
    }
    let message = "the new credential would outlive the one that makes it; ask for an earlier end with `ttlSeconds`, or use a \
                   credential that ends later";
    Err(forbidden(message))
}

fn check_user(minter: &Caller, user: Option<&str>) -> Result<(), Error> {
    match user.filter(|user| !may_speak_for(minter, user)) {
        Some(user) => {
            Err(forbidden(format!("the credential may not speak for the user {user:?}, so it makes no token for it")))
        }
        None => Ok(()),
    }
}

fn speaks_for(minter: &Caller, asked: &AskedGrant) -> Result<SpeaksFor, Error> {
    let agent = asked.agent.as_ref().or(minter.agent_id.as_ref());
    match &asked.speaks_for {
        Some(wanted) if !covers(minter, wanted) => {
            let message = "the credential may not speak for all of these users, so it makes none that may: ask for less with \
                           `speaksFor`";
            Err(forbidden(message))
        }
        Some(wanted) => Ok(wanted.clone()),
        None => {
            let default = default_speaks_for(asked.role, asked.user.as_deref(), agent);
            Ok(if covers(minter, &default) { default } else { minter.speaks_for.clone() })
        }
    }
}

fn environments(minter: &Caller, asked: Option<Vec<EnvironmentId>>) -> Result<Option<Vec<EnvironmentId>>, Error> {
    match (&minter.environments, asked) {
        (None, asked) => Ok(asked),
        (Some(own), None) => Ok(Some(own.clone())),
        (Some(own), Some(asked)) if asked.iter().all(|environment| own.contains(environment)) => Ok(Some(asked)),
        (Some(_), Some(_)) => {
            let message = "the credential does not reach all of these environments, so it makes none that does: ask for \
                           fewer with `environments`";
            Err(forbidden(message))
        }
    }
}

fn agent(minter: &Caller, asked: Option<AgentId>) -> Result<Option<AgentId>, Error> {
    match (&minter.agent_id, asked) {
        (Some(own), Some(asked)) if *own != asked => {
            Err(forbidden("the credential of an agent makes credentials of that agent only"))
        }
        (own, asked) => Ok(asked.or_else(|| own.clone())),
    }
}

/// True if the minter speaks for each of the users.
fn covers(minter: &Caller, wanted: &SpeaksFor) -> bool {
    match wanted {
        SpeaksFor::Nobody => true,
        SpeaksFor::Anybody => minter.speaks_for == SpeaksFor::Anybody,
        SpeaksFor::Users(users) => users.iter().all(|user| may_speak_for(minter, user)),
    }
}

fn may_speak_for(minter: &Caller, user: &str) -> bool {
    minter.user_id.as_deref() == Some(user) || minter.speaks_for.includes(user)
}

fn forbidden(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Forbidden, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin() -> Caller {
        Caller { role: Role::Admin, ..Caller::sample("key_1") }
    }

    fn asked(role: Role) -> AskedGrant {
        AskedGrant { role, user: None, agent: None, speaks_for: None, environments: None, expires_ms: None }
    }

    fn users(users: &[&str]) -> SpeaksFor {
        SpeaksFor::Users(users.iter().map(|user| (*user).to_owned()).collect())
    }

    fn refused(minter: &Caller, expires_ms: Option<i64>, asked: AskedGrant) -> String {
        let refused = grant(Some(minter), expires_ms, asked).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        refused.to_string()
    }

    #[test]
    fn the_command_line_makes_anything_and_the_defaults_are_those_of_the_role() {
        for (role, user, agent, speaks_for) in [
            (Role::Viewer, None, None, SpeaksFor::Nobody),
            (Role::Operator, None, None, SpeaksFor::Anybody),
            (Role::Operator, None, Some("agt_1"), SpeaksFor::Nobody),
            (Role::Operator, Some("ada"), None, SpeaksFor::Nobody),
            (Role::Admin, None, None, SpeaksFor::Anybody),
        ] {
            let asked = AskedGrant { user: user.map(str::to_owned), agent: agent.map(Into::into), ..asked(role) };
            assert_eq!(grant(None, None, asked).unwrap().speaks_for, speaks_for, "{role} {user:?} {agent:?}");
        }
        let all = AskedGrant { speaks_for: Some(SpeaksFor::Anybody), ..asked(Role::Viewer) };
        assert_eq!(grant(None, None, all).unwrap().speaks_for, SpeaksFor::Anybody);
    }

    #[test]
    fn nothing_outlives_the_credential_that_made_it() {
        let until = |expires_ms| AskedGrant { expires_ms, ..asked(Role::Viewer) };
        for expires_ms in [None, Some(101)] {
            assert!(refused(&admin(), Some(100), until(expires_ms)).contains("would outlive"), "{expires_ms:?}");
        }
        grant(Some(&admin()), Some(100), until(Some(100))).unwrap();
        grant(Some(&admin()), None, until(None)).unwrap();
    }

    #[test]
    fn nothing_speaks_for_users_that_its_maker_does_not_speak_for() {
        let narrow = Caller { speaks_for: users(&["ada", "bob"]), user_id: Some("eve".to_owned()), ..admin() };
        let wanting = |speaks_for| AskedGrant { speaks_for: Some(speaks_for), ..asked(Role::Operator) };
        for wanted in [SpeaksFor::Anybody, users(&["ada", "zoe"])] {
            assert!(refused(&narrow, None, wanting(wanted)).contains("speaksFor"));
        }
        for wanted in [SpeaksFor::Nobody, users(&["ada"]), users(&["eve", "bob"])] {
            assert_eq!(grant(Some(&narrow), None, wanting(wanted.clone())).unwrap().speaks_for, wanted);
        }
        let default = grant(Some(&narrow), None, asked(Role::Operator)).unwrap();
        assert_eq!(default.speaks_for, narrow.speaks_for, "the default is cut down");
        let for_user = |user: &str| AskedGrant { user: Some(user.to_owned()), ..asked(Role::Operator) };
        assert!(refused(&narrow, None, for_user("zoe")).contains("\"zoe\""));
        for user in ["ada", "eve"] {
            assert_eq!(grant(Some(&narrow), None, for_user(user)).unwrap().speaks_for, SpeaksFor::Nobody);
        }
    }

    #[test]
    fn nothing_reaches_environments_that_its_maker_does_not_reach() {
        let ids = |ids: &[&str]| Some(ids.iter().map(|id| EnvironmentId::from(*id)).collect::<Vec<_>>());
        let narrow = Caller { environments: ids(&["env_1", "env_2"]), ..admin() };
        let within = |environments| AskedGrant { environments, ..asked(Role::Viewer) };
        assert!(refused(&narrow, None, within(ids(&["env_2", "env_3"]))).contains("environments"));
        assert_eq!(grant(Some(&narrow), None, within(ids(&["env_2"]))).unwrap().environments, ids(&["env_2"]));
        assert_eq!(grant(Some(&narrow), None, within(None)).unwrap().environments, narrow.environments);
        assert_eq!(grant(Some(&admin()), None, within(None)).unwrap().environments, None);
    }

    #[test]
    fn an_agents_credential_makes_credentials_of_its_agent_only() {
        let bound = Caller { agent_id: Some("agt_1".into()), speaks_for: SpeaksFor::Nobody, ..admin() };
        let of = |agent: Option<&str>| AskedGrant { agent: agent.map(Into::into), ..asked(Role::Operator) };
        assert!(refused(&bound, None, of(Some("agt_2"))).contains("that agent only"));
        for agent in [None, Some("agt_1")] {
            let granted = grant(Some(&bound), None, of(agent)).unwrap();
            assert_eq!((granted.agent, granted.speaks_for), (Some("agt_1".into()), SpeaksFor::Nobody));
        }
    }

    #[test]
    fn no_role_makes_a_higher_one() {
        let operator = Caller { role: Role::Operator, ..admin() };
        assert!(refused(&operator, None, asked(Role::Admin)).contains("the role operator"));
    }
}
