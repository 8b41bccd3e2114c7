//! [`Caller`]: an authenticated caller with its [`Role`] and [`Credential`]. [`Identity`]: an authenticated worker with its [`Scope`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::{AgentId, EntityId, EnvironmentId, KeyId, OrganizationId, ProjectId, SecretId};
use super::origin::RequestOrigin;

/// The place of tools and links: an entity in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The entity.
    pub entity: EntityId,
    /// The environment.
    pub environment: EnvironmentId,
}

/// A [`Scope`] with all that surrounds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The organization of the project.
    pub organization_id: OrganizationId,
    /// The project of the entity.
    pub project_id: ProjectId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The environment's slug.
    pub environment: String,
    /// The entity.
    pub entity_id: EntityId,
    /// The entity's slug.
    pub entity: String,
}

impl Identity {
    /// The part that tells one worker from another.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope { entity: self.entity_id.clone(), environment: self.environment_id.clone() }
    }
}

/// The permissions of a caller. Each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// May look.
    Viewer,
    /// May call tools.
    Operator,
    /// May change who may do what.
    Admin,
}

impl Role {
    /// The role as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Operator, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The rule for several workers of one entity and environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Policy {
    /// A new worker takes the place of the one before.
    #[default]
    Supersede,
    /// All stay, and each call goes to the less loaded of two that have the tool, picked at random.
    Pool,
}

impl Policy {
    /// The policy as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supersede => "supersede",
            Self::Pool => "pool",
        }
    }

    /// The policy of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Supersede, Self::Pool].into_iter().find(|policy| policy.as_str() == name)
    }
}

/// The proof of an identity: the key, token or secret that was presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Credential {
    /// An entity's secret.
    Secret(SecretId),
    /// A caller's key.
    Key(KeyId),
    /// A token that the gateway signed.
    #[non_exhaustive]
    Token {
        /// Its own id.
        id: String,
        /// Time when it ends, in milliseconds since 1970.
        expires_ms: i64,
        /// The id of the key that signed it.
        signed_by: String,
        /// The credentials that it ends with: those that minted it, or the secret it stands in for.
        parents: Vec<Credential>,
    },
    /// A token of the application that the gateway serves, for one of its users. It opens the live feed only.
    #[non_exhaustive]
    Application {
        /// An id of the user, which is the same for each of the user's tokens.
        id: String,
        /// The end of the token, in milliseconds since 1970, if it has one.
        expires_ms: Option<i64>,
    },
    /// Nothing at all.
    Nothing,
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(id) => id.fmt(f),
            Self::Key(id) => id.fmt(f),
            Self::Token { id, .. } => write!(f, "tok_{id}"),
            Self::Application { id, .. } => write!(f, "app_{id}"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

/// The users a key or token may speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpeaksFor {
    /// No user. Default of viewers and of agents' credentials.
    Nobody,
    /// Any user that a request names. Default of operators and admins that belong to no agent.
    Anybody,
    /// The users listed.
    Users(Vec<String>),
}

impl SpeaksFor {
    /// The default for a role; credentials of an agent speak for nobody.
    #[must_use]
    pub fn default_of(role: Role, agent: Option<&AgentId>) -> Self {
        match (role, agent) {
            (Role::Viewer, _) | (_, Some(_)) => Self::Nobody,
            (Role::Operator | Role::Admin, None) => Self::Anybody,
        }
    }

    /// True if `user` is among them.
    #[must_use]
    pub fn includes(&self, user: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::Anybody => true,
            Self::Users(users) => users.iter().any(|listed| listed == user),
        }
    }
}

/// A key, a token or nothing at all, resolved to a project, a role and the limits of what it may do. Gateways of one installation tell each
/// other callers without the origin of their requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Caller {
    /// The credential that was presented.
    pub credential: Credential,
    /// The project it is for.
    pub project_id: ProjectId,
    /// The role that the credential grants.
    pub role: Role,
    /// The roles it has in the eyes of tools.
    pub tool_roles: Vec<String>,
    /// The user it speaks for.
    pub user_id: Option<String>,
    /// The users it may speak for, apart from [`Caller::user_id`].
    pub speaks_for: SpeaksFor,
    /// The environments it may use and see; all of the project's without a list.
    pub environments: Option<Vec<EnvironmentId>>,
    /// The agent it belongs to.
    pub agent_id: Option<AgentId>,
    /// The origin of the caller's request.
    #[serde(skip)]
    pub origin: RequestOrigin,
}

#[cfg(test)]
impl Identity {
    /// An entity `dev` in development, for tests.
    pub(crate) fn sample() -> Self {
        Self {
            organization_id: "org".into(),
            project_id: "prj".into(),
            environment_id: "env".into(),
            environment: "development".to_owned(),
            entity_id: "ent".into(),
            entity: "dev".to_owned(),
        }
    }
}

#[cfg(test)]
impl Caller {
    /// An operator's key of the same project, for tests.
    pub(crate) fn sample(key: &str) -> Self {
        Self {
            credential: Credential::Key(key.into()),
            project_id: "prj".into(),
            role: Role::Operator,
            tool_roles: Vec::new(),
            user_id: None,
            speaks_for: SpeaksFor::Anybody,
            environments: None,
            agent_id: None,
            origin: RequestOrigin::default(),
        }
    }
}
