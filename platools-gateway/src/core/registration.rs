//! The tools that a worker declares: how often, how many, and which of them are taken.

use std::collections::HashSet;

use platools::wire::ToolDeclaration;

use super::catalog::{Changes, Replacement, Room, TooLarge};
use super::error::Error;
use super::identity::Identity;
use super::{Core, Fence};
use crate::domain::text::Text;

/// A worker may register so many tools.
pub const MAX_TOOLS: usize = 1000;

/// A tool's name may be so many characters long.
const MAX_NAME_CHARS: usize = 128;

/// Roles that a tool may ask for, and the bytes of each.
const ROLES: (usize, Text) = (64, Text::line("roles", 128));

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registration {
    /// The tools are these now.
    Stored(Changes),
    /// It came too soon.
    Throttled {
        /// How long to wait before registering again, in milliseconds.
        retry_after_ms: u64,
    },
    /// It has too many tools; nothing changed.
    TooMany {
        /// How many it has.
        count: usize,
    },
    /// Its tools have too many bytes; nothing changed.
    TooLarge(TooLarge),
    /// A newer connection took this one's place; nothing changed.
    Superseded,
}

impl Core {
    /// Takes the complete set of tools of a worker: those it leaves out are gone.
    ///
    /// # Errors
    /// The database failed; nothing changed.
    pub async fn register(
        &self,
        identity: &Identity,
        fence: &Fence,
        tools: Vec<ToolDeclaration>,
    ) -> Result<Registration, Error> {
        if tools.len() > MAX_TOOLS {
            return Ok(Registration::TooMany { count: tools.len() });
        }
        if let Err(wait) = self.throttles.admit(identity.scope()) {
            // Rounded up, so that a worker that waits exactly so long is admitted.
            let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            return Ok(Registration::Throttled { retry_after_ms });
        }
        let tools = acceptable(tools);
        let limiter = &self.limiter;
        let room = Room { scope: limiter.catalogue_bytes(), project: limiter.project().catalogue_bytes.get() as usize };
        let changes = match self.catalog.replace(identity, tools, room, || fence.is_current()).await? {
            Replacement::Done(changes) => changes,
            Replacement::Superseded => return Ok(Registration::Superseded),
            Replacement::TooLarge(too_large) => return Ok(Registration::TooLarge(too_large)),
        };
        if changes.is_any() {
            let scope = identity.scope();
            self.tools_changed(&scope);
            self.news.tell(&scope);
        }
        Ok(Registration::Stored(changes))
    }
}

/// A tool that a registration leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The beginning of its name.
    pub name: String,
    /// The mistake in its declaration.
    pub reason: &'static str,
}

/// The tools of a registration that [`Core::register`] leaves out.
#[must_use]
pub fn left_out(tools: &[ToolDeclaration]) -> Vec<LeftOut> {
    let mut seen = HashSet::new();
    let refused = tools.iter().filter_map(|tool| Some((tool, check(tool, &mut seen).err()?)));
    refused.map(|(tool, reason)| LeftOut { name: shown(&tool.name), reason }).collect()
}

/// Leaves out the tools that cannot be taken, each with a line in the log, so that one of them does not cost the others.
fn acceptable(tools: Vec<ToolDeclaration>) -> Vec<ToolDeclaration> {
    let mut seen = HashSet::new();
    tools
        .into_iter()
        .filter(|tool| match check(tool, &mut seen) {
            Ok(()) => true,
            Err(reason) => {
                tracing::warn!(tool.name = ?shown(&tool.name), reason, "a tool was left out of the registration");
                false
            }
        })
        .collect()
}

fn check(tool: &ToolDeclaration, seen: &mut HashSet<String>) -> Result<(), &'static str> {
    if tool.name.trim().is_empty() {
        return Err("it has no name");
    }
    if tool.name.chars().nth(MAX_NAME_CHARS).is_some() {
        return Err("its name is longer than 128 characters");
    }
    if tool.name.chars().any(char::is_control) {
        return Err("its name has control characters");
    }
    if !tool.input_schema.is_object() {
        return Err("its input schema is not an object");
    }
    if !matches!(tool.auth.as_str(), "none" | "user" | "admin") {
        return Err("its `auth` must be `none`, `user` or `admin`");
    }
    let (max_roles, role) = ROLES;
    if role.check_list(&tool.roles, max_roles).is_err() {
        return Err(
            "it asks for more than 64 roles, or one that is empty, longer than 128 bytes or has control characters",
        );
    }
    if !seen.insert(tool.name.clone()) {
        return Err("its name was there before");
    }
    Ok(())
}

/// As much of a name as belongs into a log.
fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tool(name: &str, input_schema: Value) -> ToolDeclaration {
        ToolDeclaration::new(name, "", input_schema)
    }

    fn names(tools: Vec<ToolDeclaration>) -> Vec<String> {
        acceptable(tools).into_iter().map(|tool| tool.name).collect()
    }

    #[test]
    fn tools_that_cannot_be_taken_do_not_cost_the_others() {
        let object = || json!({"type": "object"});
        let mut many_roles = tool("roles", object());
        many_roles.roles = vec!["support".to_owned(); 65];
        let mut unknown_auth = tool("auth", object());
        unknown_auth.auth = "root".to_owned();
        let tools = vec![
            tool("good", object()),
            tool("", object()),
            tool("  ", object()),
            tool("line\nbreak", object()),
            tool("escape\u{1b}[31m", object()),
            tool(&"x".repeat(129), object()),
            tool("schema", json!(true)),
            unknown_auth,
            many_roles,
            tool("good", json!({})),
            tool(&"ü".repeat(128), object()),
        ];
        let left_out = left_out(&tools);
        assert_eq!((left_out.len(), &*left_out[8].name, left_out[8].reason), (9, "good", "its name was there before"));
        assert_eq!(left_out[4].name.len(), 128);
        assert_eq!(names(tools), ["good".to_owned(), "ü".repeat(128)]);
    }
}
