//! Types with the JSON of agents, entities, keys, tools and other objects, which REST, gateway RPC and the command line show alike.

mod agent;
mod audit;
mod entity;
mod environment;
mod key;
mod project;
mod signing_key;
mod token;
mod tool;

pub use agent::{AgentDto, AgentProfileDto};
pub use audit::{AuditActorDto, AuditEventDto};
pub use entity::{EntityDto, EntityWithSecret};
pub use environment::EnvironmentDto;
pub use key::{KeyDto, KeyWithSecret, SpeaksForDto};
pub use project::ProjectDto;
pub use signing_key::SigningKeyDto;
pub use token::{SignedTokenDto, TokenDto};
pub use tool::{ToolDto, ToolHealthDto};
