//! [`AgentDto`]: the JSON of an agent.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::agent::Agent;
use crate::domain::agent_profile::Profile;
use crate::ports::time::rfc3339;

/// An agent, which answers people and calls tools under a name of its own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Agent)]
pub struct AgentDto {
    id: String,
    /// Its name in URLs.
    slug: String,
    /// Its name for people: the `displayName` that other agents see.
    title: Option<String>,
    /// Its address for other agents, such as that of its wallet. Without one, its slug.
    address: Option<String>,
    /// The profile, which decides how it answers.
    #[schema(value_type = AgentProfileDto)]
    profile: Arc<Profile>,
    /// The user whose it is, who may watch it.
    owner: Option<String>,
    created_at: String,
}

/// The profile of an agent, which decides how it answers.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgentProfile)]
#[expect(dead_code, reason = "it only describes the JSON of a profile")]
pub struct AgentProfileDto {
    /// `command` (default): it calls the tools it is told to. `model`: a language model decides.
    kind: AgentKindDto,
    /// The model, by the name that its endpoint knows it by. Default: the gateway's.
    model: Option<String>,
    /// The system prompt of the model. Default: none.
    system_prompt: Option<String>,
    /// The names of the tools it may call. Default: all that its caller may call.
    tools: Option<Vec<String>>,
    /// The environment of its tools, by slug or id. Default: development.
    environment: Option<String>,
}

/// The kind of an agent.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentKind)]
#[expect(dead_code, reason = "it only describes the JSON of a kind")]
enum AgentKindDto {
    Command,
    Model,
}

impl From<Agent> for AgentDto {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id.to_string(),
            slug: agent.slug,
            title: agent.title,
            address: agent.address,
            profile: agent.profile,
            owner: agent.owner,
            created_at: rfc3339(agent.created_ms),
        }
    }
}
