//! [`Agent`]: the entry of an agent in the directory.

use std::sync::Arc;

use super::agent_profile::{Profile, ProfileChange};
use super::ids::{AgentId, ProjectId};

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people, which others see as `displayName`.
    pub title: Option<String>,
    /// Its address for other agents, such as that of its wallet. Without one, its slug.
    pub address: Option<String>,
    /// The profile, which decides how the agent answers.
    pub profile: Arc<Profile>,
    /// The user whose it is, who may watch it on the live feed.
    pub owner: Option<String>,
    /// Time when it was added, in milliseconds since 1970.
    pub created_ms: i64,
}

#[cfg(test)]
impl Agent {
    /// An agent without names and owner.
    pub(crate) fn sample(project: &ProjectId, slug: &str) -> Self {
        Self {
            id: AgentId::random(),
            project_id: project.clone(),
            slug: slug.to_owned(),
            title: None,
            address: None,
            profile: Arc::default(),
            owner: None,
            created_ms: 0,
        }
    }
}

/// A change of an agent. A [`Profile`] alone replaces the whole profile.
#[derive(Debug, Clone, Default)]
pub struct AgentChange {
    /// The members of its profile that change.
    pub profile: ProfileChange,
    /// The new owner: up to 255 characters, and an empty text for nobody. Without a value, it stays.
    pub owner: Option<String>,
    /// The new name for people, as of a new agent; an empty text for none. Without a value, it stays.
    pub title: Option<String>,
    /// The new address, as of a new agent; an empty text for the slug. Without a value, it stays.
    pub address: Option<String>,
}

impl From<Profile> for AgentChange {
    fn from(profile: Profile) -> Self {
        Self { profile: profile.into(), ..Self::default() }
    }
}
