//! What the directory is made of, as admins see it.

use std::time::Duration;

use secrecy::SecretString;

use crate::core::agent::{Profile, ProfileChange};
use crate::core::identity::{Policy, Role};
use crate::core::ids::{AgentId, EntityId, KeyId};
use crate::store::{AgentRow, EntityRow, KeyRow};

/// One entity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entity {
    /// Its id.
    pub id: EntityId,
    /// Its name in URLs.
    pub slug: String,
    /// What people call it.
    pub title: Option<String>,
    /// Its image: an `https:` URL, or a `data:` URI.
    pub icon: Option<String>,
    /// How several workers of it get along.
    pub policy: Policy,
    /// When it was added, in milliseconds since 1970.
    pub created_ms: i64,
}

/// An entity to be. One of a [`Policy`] alone has nothing but its slug to show.
#[derive(Debug, Clone, Default)]
pub struct NewEntity {
    /// How several workers of it get along.
    pub policy: Policy,
    /// What people call it: 1 to 128 characters, without control characters.
    pub title: Option<String>,
    /// Its image: an `https:` URL of at most 2,048 bytes and without credentials, or a PNG, JPEG, SVG or WebP as a `data:` URI in
    /// base64 of at most 32 KiB.
    pub icon: Option<String>,
}

impl From<Policy> for NewEntity {
    fn from(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }
}

/// What changes of what people see of an entity.
#[derive(Debug, Clone, Default)]
pub struct EntityChange {
    /// What people call it from now on, as of a [`NewEntity`]; an empty text for nothing but its slug. Without one, as before.
    pub title: Option<String>,
    /// Its image from now on, as of a [`NewEntity`]; an empty text for none. Without one, the one before.
    pub icon: Option<String>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its name in URLs.
    pub slug: String,
    /// How it answers.
    pub profile: Profile,
    /// The user whose it is, who may watch it; see [`feed`](crate::core::feed).
    pub owner: Option<String>,
    /// When it was added, in milliseconds since 1970.
    pub created_ms: i64,
}

/// An agent to be. One of a [`Profile`] alone is nobody's.
#[derive(Debug, Clone, Default)]
pub struct NewAgent {
    /// How it answers.
    pub profile: Profile,
    /// The user whose it is: 1 to 255 characters.
    pub owner: Option<String>,
}

impl From<Profile> for NewAgent {
    fn from(profile: Profile) -> Self {
        Self { profile, owner: None }
    }
}

/// A change of an agent. A [`Profile`] alone replaces the whole profile.
#[derive(Debug, Clone, Default)]
pub struct AgentChange {
    /// The members of its profile that change.
    pub profile: ProfileChange,
    /// The user whose it is from now on: up to 255 characters, and an empty text for nobody. Without one, whose it was before.
    pub owner: Option<String>,
}

impl From<Profile> for AgentChange {
    fn from(profile: Profile) -> Self {
        Self { profile: profile.into(), owner: None }
    }
}

/// One caller's key, without the key itself, which nobody has but its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// What it allows.
    pub role: Role,
    /// The roles it has in the eyes of tools.
    pub tool_roles: Vec<String>,
    /// The agent it belongs to.
    pub agent_id: Option<AgentId>,
    /// When it was added, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// Something new with its secret, which is shown this once.
#[derive(Debug)]
#[non_exhaustive]
pub struct WithSecret<T> {
    /// What is new.
    pub new: T,
    /// Its secret.
    pub secret: SecretString,
}

/// A caller's key to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it allows.
    pub role: Role,
    /// The roles it has in the eyes of tools.
    pub tool_roles: Vec<String>,
    /// The agent it belongs to, by slug or id.
    pub agent: Option<String>,
    /// How long it is good; without it, until it is revoked.
    pub ttl: Option<Duration>,
}

impl NewKey {
    /// A key of a role, for nobody in particular, that does not end.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { role, tool_roles: Vec::new(), agent: None, ttl: None }
    }
}

/// A caller's token to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it allows.
    pub role: Role,
    /// The roles it has in the eyes of tools.
    pub tool_roles: Vec<String>,
    /// The user it speaks for.
    pub user_id: Option<String>,
    /// The agent it belongs to, by slug or id.
    pub agent: Option<String>,
    /// How long it is good; at most [`MAX_TOKEN_TTL`](super::MAX_TOKEN_TTL).
    pub ttl: Duration,
}

/// A signed token.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignedToken {
    /// The token.
    pub token: SecretString,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: i64,
}

pub(super) fn entity(row: &EntityRow) -> Entity {
    let policy = Policy::from_name(&row.policy).unwrap_or_default();
    Entity {
        id: row.id.clone(),
        slug: row.slug.clone(),
        title: row.title.clone(),
        icon: row.icon.clone(),
        policy,
        created_ms: row.created_ms,
    }
}

pub(super) fn agent(row: &AgentRow) -> Agent {
    Agent {
        id: row.id.clone(),
        slug: row.slug.clone(),
        profile: row.profile.clone(),
        owner: row.owner.clone(),
        created_ms: row.created_ms,
    }
}

pub(super) fn key(row: &KeyRow) -> Option<Key> {
    Some(Key {
        id: row.id.clone(),
        role: Role::from_name(&row.role)?,
        tool_roles: row.tool_roles.clone(),
        agent_id: row.agent_id.clone(),
        created_ms: row.created_ms,
        expires_ms: row.expires_ms,
    })
}
