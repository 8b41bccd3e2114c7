//! [`authorize`]: decides whether a caller may take an action on a resource. Every service and every protocol asks it.

use platools_protocol::tool_sync::ToolDeclaration;

use super::denial::Denial;
use crate::domain::identity::{Caller, Identity, Role};
use crate::domain::ids::{AgentId, EnvironmentId, ProjectId};

/// A thing that a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Read it.
    View,
    /// Follow its live feed.
    Watch,
    /// Call a tool, or call it again with the arguments of an earlier call.
    Call,
    /// Cancel a call under way.
    Cancel,
    /// Talk to an agent.
    Chat,
    /// Change or delete something of one's own: a conversation, a membership, a message.
    Change,
    /// Send an event to the sockets of an agent.
    Tell,
    /// Change the directory: entities, agents, keys, tokens, switches of tools.
    Administer,
}

impl Action {
    /// The lowest role that may do it at all.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::View | Self::Watch => Role::Viewer,
            Self::Call | Self::Cancel | Self::Chat | Self::Change | Self::Tell => Role::Operator,
            Self::Administer => Role::Admin,
        }
    }
}

/// A thing that a caller wants to see or use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource<'a> {
    /// A project: its name, its environments, its agents' names.
    Project(&'a ProjectId),
    /// All environments of a project at once: its entities with their secrets, which are good in every environment, new environments, and
    /// the credentials that reach all of them.
    WholeProject(&'a ProjectId),
    /// The workers and the metrics of a project, which tell of everybody's calls.
    Operations(&'a ProjectId),
    /// The whole gateway: its log, its signing keys, its own metrics. It is open to credentials of the default project, which is the one
    /// given here, that reach all environments and belong to no agent.
    Gateway(&'a ProjectId),
    /// An environment of the caller's project.
    Environment(&'a EnvironmentId),
    /// A tool of the caller's project.
    Tool {
        /// The environment that its worker serves.
        environment: &'a EnvironmentId,
        /// Its declaration, with the access it asks for.
        declaration: &'a ToolDeclaration,
    },
    /// A call of a tool, under way or over.
    Call {
        /// The project of the tool.
        project: &'a ProjectId,
        /// The environment of the tool.
        environment: &'a EnvironmentId,
        /// The user that it was made for.
        user: Option<&'a str>,
        /// The agent that made it.
        agent: Option<&'a AgentId>,
    },
    /// A conversation between a user and an agent.
    Conversation {
        /// The project of the agent.
        project: &'a ProjectId,
        /// The user.
        user: &'a str,
    },
    /// The channels of a project with their messages, and the presence of its agents. They are open to its agents and to admins.
    Channels(&'a ProjectId),
    /// A channel between agents.
    Channel {
        /// The project of its agents.
        project: &'a ProjectId,
        /// The agent that made it.
        creator: Option<&'a AgentId>,
    },
    /// An agent.
    Agent {
        /// The project of the agent.
        project: &'a ProjectId,
        /// The agent.
        agent: &'a AgentId,
        /// The user who owns it.
        owner: Option<&'a str>,
    },
}

/// Decides whether `caller` may do `action` to `resource`.
///
/// # Errors
/// It may not; the [`Denial`] says why, or that the caller must not learn that the resource exists.
pub(crate) fn authorize(caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), Denial> {
    match (action, resource) {
        // A call is somebody's before it is anything else: a stranger learns nothing of it, whatever its own role is.
        (Action::Watch, Resource::Call { .. }) => check_watched_call(caller, resource),
        (_, Resource::Call { project, environment, user, agent }) => {
            check_role(caller, action)?;
            hide_unless(caller.project_id == *project && reaches(caller, environment))?;
            hide_unless(is_own_call(caller, user, agent))
        }
        (_, Resource::Conversation { project, user }) => {
            check_role(caller, action)?;
            hide_unless(caller.project_id == *project && (is_admin(caller) || caller.user_id.as_deref() == Some(user)))
        }
        (Action::Watch, Resource::Agent { project, agent, owner }) => {
            let is_own = caller.agent_id.as_ref() == Some(agent) || owns(caller, owner);
            hide_unless(caller.project_id == *project && (is_own || is_admin(caller)))
        }
        (Action::Administer, Resource::Channel { project, creator }) => {
            // The agent that made it administers it, as far as it may change anything.
            check_role(caller, Action::Change)?;
            hide_unless(caller.project_id == *project)?;
            let is_own = caller.agent_id.is_some() && caller.agent_id.as_ref() == creator;
            if is_own || is_admin(caller) { Ok(()) } else { Err(forbidden(NOT_ITS_CHANNEL)) }
        }
        (_, Resource::Channels(project)) => {
            check_role(caller, action)?;
            hide_unless(caller.project_id == *project)?;
            if caller.agent_id.is_some() || is_admin(caller) { Ok(()) } else { Err(forbidden(NO_AGENT)) }
        }
        (Action::Tell, Resource::Project(project)) => {
            check_role(caller, action)?;
            hide_unless(caller.project_id == *project)?;
            if is_bound(caller) { Err(forbidden(NOT_THE_PROJECT)) } else { Ok(()) }
        }
        (_, Resource::Agent { project, .. } | Resource::Channel { project, .. } | Resource::Project(project)) => {
            check_role(caller, action)?;
            hide_unless(caller.project_id == *project)
        }
        (_, Resource::WholeProject(project)) => {
            check_role(caller, action)?;
            hide_unless(caller.project_id == *project)?;
            if caller.environments.is_none() { Ok(()) } else { Err(forbidden(CONFINED)) }
        }
        (_, Resource::Operations(project)) => {
            check_role(caller, action)?;
            hide_unless(caller.project_id == *project)?;
            if is_bound(caller) { Err(forbidden(BOUND)) } else { Ok(()) }
        }
        (_, Resource::Gateway(default)) => {
            check_role(caller, action)?;
            let is_whole = caller.environments.is_none() && caller.agent_id.is_none();
            if caller.project_id == *default && is_whole { Ok(()) } else { Err(forbidden(NOT_THE_WHOLE)) }
        }
        (_, Resource::Environment(environment)) => {
            check_role(caller, action)?;
            hide_unless(reaches(caller, environment))
        }
        (_, Resource::Tool { environment, declaration }) => check_tool(caller, action, environment, declaration),
    }
}

const BOUND: &str =
    "workers and metrics tell of everybody's calls; ask with a key that belongs to no user and no agent";

const NOT_THE_PROJECT: &str =
    "agents are told events on behalf of the project; ask with a key or token that belongs to no user and no agent";

const NO_AGENT: &str = "channels and presence are for agents and admins, and the key or token belongs to no agent; make one that does with \
                        `platools-gateway key add --agent AGENT --role operator`, or with `agentId` of `POST /v1/keys`";

const NOT_ITS_CHANNEL: &str = "only the agent that made a channel and admins may delete it";

const CONFINED: &str =
    "this concerns all environments of the project: it takes a credential that is confined to none of them";

const NOT_THE_WHOLE: &str = "this concerns the whole gateway: it takes a credential of the project default/default that reaches all \
                             environments and belongs to no agent";

/// True if a caller may take an action on a tool.
pub(crate) fn may_use(caller: &Caller, action: Action, identity: &Identity, declaration: &ToolDeclaration) -> bool {
    authorize(caller, action, Resource::Tool { environment: &identity.environment_id, declaration }).is_ok()
}

fn check_role(caller: &Caller, action: Action) -> Result<(), Denial> {
    let needed = action.role();
    if caller.role >= needed { Ok(()) } else { Err(Denial::Role { needed, present: caller.role }) }
}

/// Checks access to a tool. Callers that speak for a user do not learn of tools that they may not call.
fn check_tool(
    caller: &Caller,
    action: Action,
    environment: &EnvironmentId,
    tool: &ToolDeclaration,
) -> Result<(), Denial> {
    hide_unless(reaches(caller, environment))?;
    let call = check_role(caller, Action::Call).and_then(|()| check_declared_access(caller, tool));
    match action {
        Action::View | Action::Call if caller.user_id.is_some() && !is_admin(caller) => {
            call.map_err(|_| Denial::Hidden)
        }
        // A dashboard shows the tools of its agent, which an operator's run calls.
        Action::Watch => check_declared_access(caller, tool).map_err(|_| Denial::Hidden),
        Action::Call => call,
        _ => check_role(caller, action),
    }
}

/// Checks what a tool asks of its callers: a user or an admin, and one of some roles. The caller's own role counts among its roles.
fn check_declared_access(caller: &Caller, tool: &ToolDeclaration) -> Result<(), Denial> {
    match tool.auth.as_str() {
        "admin" if !is_admin(caller) => {
            return Err(forbidden("this tool is for admins; call it with an admin's key or token"));
        }
        "user" if caller.user_id.is_none() => {
            return Err(forbidden("this tool is called on behalf of a user; call it with a token that has a `userId`"));
        }
        _ => {}
    }
    let has = |role: &String| caller.tool_roles.contains(role) || caller.role.as_str() == role;
    if tool.roles.is_empty() || tool.roles.iter().any(has) {
        return Ok(());
    }
    Err(forbidden(format!("this tool needs one of the roles {}; the key or token has none", tool.roles.join(", "))))
}

/// Checks whether a dashboard shows a call of the agent that it watches: an owner sees calls for nobody else.
fn check_watched_call(caller: &Caller, call: Resource<'_>) -> Result<(), Denial> {
    let Resource::Call { project, environment, user, .. } = call else { return Err(Denial::Hidden) };
    hide_unless(caller.project_id == *project && reaches(caller, environment))?;
    let is_own = user.is_none() || caller.user_id.is_none() || caller.user_id.as_deref() == user;
    hide_unless(is_own || is_admin(caller))
}

/// True if a call was made for the user, and by the agent, that the caller is bound to.
pub(super) fn is_own_call(caller: &Caller, user: Option<&str>, agent: Option<&AgentId>) -> bool {
    let own_user = caller.user_id.as_deref().is_none_or(|own| user == Some(own));
    let own_agent = caller.agent_id.as_ref().is_none_or(|own| agent == Some(own));
    is_admin(caller) || (own_user && own_agent)
}

/// True if the caller's key or token is valid for an environment.
fn reaches(caller: &Caller, environment: &EnvironmentId) -> bool {
    caller.environments.as_ref().is_none_or(|listed| listed.contains(environment))
}

fn owns(caller: &Caller, owner: Option<&str>) -> bool {
    owner.is_some() && caller.user_id.as_deref() == owner
}

pub(super) fn is_admin(caller: &Caller) -> bool {
    caller.role >= Role::Admin
}

/// True if the caller stands for one user or agent, and not for the project.
fn is_bound(caller: &Caller) -> bool {
    !is_admin(caller) && (caller.user_id.is_some() || caller.agent_id.is_some())
}

fn hide_unless(allowed: bool) -> Result<(), Denial> {
    if allowed { Ok(()) } else { Err(Denial::Hidden) }
}

fn forbidden(message: impl Into<String>) -> Denial {
    Denial::Forbidden(message.into())
}

#[cfg(test)]
mod tests;
