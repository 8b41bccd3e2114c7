//! [`agent_change`]: a request to change an agent.

use super::Misfit;
use crate::admin::AgentChange;
use crate::domain::profile::ProfileChange;

/// A change of an agent that changes something.
pub(in crate::listen) fn agent_change(
    profile: Option<ProfileChange>,
    owner: Option<String>,
    title: Option<String>,
    address: Option<String>,
) -> Result<AgentChange, Misfit> {
    if profile.is_none() && owner.is_none() && title.is_none() && address.is_none() {
        return Err(Misfit("say what changes: the `profile`, the `owner`, the `title`, or the `address`"));
    }
    Ok(AgentChange { profile: profile.unwrap_or_default(), owner, title, address })
}
