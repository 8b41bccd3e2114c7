//! Types of agents, keys and tokens for the functions of `Admin`. [`NewAgent`], [`NewKey`] and [`NewToken`] describe an object to add;
//! a key and a token have a [`NewCredential`] in common. [`Key`] and [`Token`] show a stored one, without its secret.

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::agent_profile::Profile;
use crate::domain::identity::{Role, SpeaksFor};
use crate::domain::ids::{AgentId, EntityId, KeyId};

/// An agent to add. A [`Profile`] alone makes an agent without an owner.
#[derive(Debug, Clone, Default)]
pub struct NewAgent {
    /// The profile, which decides how the agent answers.
    pub profile: Profile,
    /// The user who owns it: 1 to 255 characters.
    pub owner: Option<String>,
    /// Its name for people: 1 to 128 characters, without control characters.
    pub title: Option<String>,
    /// Its address for other agents, which no other agent of the project has: 1 to 128 letters, digits and characters of
    /// `-._:@+/~#`. Upper and lower case are the same.
    pub address: Option<String>,
}

impl From<Profile> for NewAgent {
    fn from(profile: Profile) -> Self {
        Self { profile, ..Self::default() }
    }
}

/// A caller's key, without the secret, which only its holder has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// Its name for people.
    pub name: Option<String>,
    /// The role that it grants.
    pub role: Role,
    /// The roles it has in the eyes of tools.
    pub tool_roles: Vec<String>,
    /// The agent it belongs to.
    pub agent_id: Option<AgentId>,
    /// The users it may speak for.
    pub speaks_for: SpeaksFor,
    /// The environments it reaches, by slug; without them, all.
    pub environments: Option<Vec<String>>,
    /// Time when it was added, in milliseconds since 1970.
    pub created_ms: i64,
    /// The key or token that it was added with; none for the command line.
    pub created_by: Option<String>,
    /// Time when it ends, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// Time of its last use, in milliseconds since 1970, to the minute.
    pub last_used_ms: Option<i64>,
}

/// A token that was signed, without the token itself, which only its holder has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// Its id, which is `tok_` and the `jti` of its claims.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// The role that it grants; none for a worker's.
    pub role: Option<Role>,
    /// The roles it has in the eyes of tools.
    pub tool_roles: Vec<String>,
    /// The user it is for.
    pub user_id: Option<String>,
    /// The agent it belongs to.
    pub agent_id: Option<AgentId>,
    /// The entity whose workers it is for.
    pub entity_id: Option<EntityId>,
    /// The users it may speak for, apart from its own; none for a worker's.
    pub speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug; without them, all.
    pub environments: Option<Vec<String>>,
    /// The key or token that minted it, and with which it ends; none for the command line.
    pub parent: Option<String>,
    /// Time when it was signed, in milliseconds since 1970.
    pub created_ms: i64,
    /// Time when it ends, in milliseconds since 1970.
    pub expires_ms: i64,
    /// Time of its last use, in milliseconds since 1970, to the minute.
    pub last_used_ms: Option<i64>,
}

/// A new object with its secret, which is shown only once.
#[derive(Debug)]
#[non_exhaustive]
pub struct WithSecret<T> {
    /// The new item.
    pub new: T,
    /// Its secret.
    pub secret: SecretString,
}

/// The name and the permissions of a caller's key or token to make.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Its name for people: 1 to 128 characters, without control characters.
    pub name: Option<String>,
    /// The role that it grants.
    pub role: Role,
    /// The roles it has in the eyes of tools.
    pub tool_roles: Vec<String>,
    /// The agent it belongs to, by slug or id.
    pub agent: Option<String>,
    /// The users it may speak for, beside the user of a token. Without it, nobody for the token of a user who is no admin, and else
    /// [`SpeaksFor::default_of`] its role and agent; in each case fewer if the credential that makes it speaks for fewer.
    pub speaks_for: Option<SpeaksFor>,
    /// The environments it reaches, by slug or id. Without them, those of the credential that makes it.
    pub environments: Option<Vec<String>>,
}

impl NewCredential {
    /// A credential of a role, without a name, for nobody in particular.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { name: None, role, tool_roles: Vec::new(), agent: None, speaks_for: None, environments: None }
    }
}

/// A caller's key to add.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its name and its permissions.
    pub credential: NewCredential,
    /// Its lifetime; without a value, until it is revoked.
    pub ttl: Option<Duration>,
}

impl NewKey {
    /// A key of a role, without a name, for nobody in particular, that does not end.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { credential: NewCredential::new(role), ttl: None }
    }
}

/// A caller's token to mint.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its name and its permissions.
    pub credential: NewCredential,
    /// The user it is for: 1 to 255 characters, without control characters.
    pub user_id: Option<String>,
    /// Its lifetime; at most [`MAX_TOKEN_TTL`](super::MAX_TOKEN_TTL), and no longer than the credential that mints it.
    pub ttl: Duration,
}

impl NewToken {
    /// A token of a role, without a name, for nobody in particular.
    #[must_use]
    pub fn new(role: Role, ttl: Duration) -> Self {
        Self { credential: NewCredential::new(role), user_id: None, ttl }
    }
}

/// A worker's token to mint.
#[derive(Debug, Clone)]
pub struct NewWorkerToken {
    /// Its name for people: 1 to 128 characters, without control characters.
    pub name: Option<String>,
    /// The one environment it opens, by slug or id. Without it, all.
    pub environment: Option<String>,
    /// Its lifetime, as of a [`NewToken`].
    pub ttl: Duration,
}

impl NewWorkerToken {
    /// A token for all environments, without a name.
    #[must_use]
    pub fn new(ttl: Duration) -> Self {
        Self { name: None, environment: None, ttl }
    }
}

/// A signed token.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignedToken {
    /// Its id, by which it can be revoked.
    pub id: String,
    /// The token.
    pub token: SecretString,
    /// Time when it ends, in milliseconds since 1970.
    pub expires_ms: i64,
}
