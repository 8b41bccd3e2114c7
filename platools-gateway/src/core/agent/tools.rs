//! The tools in the hands of an agent, which calls them as whoever it answers.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use platools::tool::Dialect;
use serde_json::Value;
use serde_json::value::RawValue;

use super::sink::{ChatEvent, ChatSink};
use crate::core::arguments::Arguments;
use crate::core::digest::sha256;
use crate::core::error::{Error, ErrorKind};
use crate::core::identity::Caller;
use crate::core::trace::TraceContext;
use crate::core::{CallRequest, Core, ListedTool, ToolName, access};

/// How long an agent waits for a tool.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Names that models call tools by have at most so many characters.
const MAX_HANDLE_CHARS: usize = 64;

/// How many characters of a hash keep a name that was changed apart from others.
const HASH_CHARS: usize = 8;

/// A tool that an agent may call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UsableTool {
    /// What the agent calls it by: letters, digits, `_` and `-`, at most 64, and no other tool has it. It is the tool's own name
    /// wherever that fits, and stays the same as long as the tools do.
    pub handle: String,
    /// The tool.
    pub tool: ListedTool,
}

impl UsableTool {
    /// Which tool it is.
    pub(crate) fn name(&self) -> ToolName {
        ToolName {
            name: self.tool.declaration.name.clone(),
            entity: Some(self.tool.identity.entity_id.to_string()),
            environment: Some(self.tool.identity.environment_id.to_string()),
        }
    }
}

/// The tools of one run.
pub struct Tools<'a> {
    core: &'a Core,
    caller: &'a Caller,
    sink: &'a dyn ChatSink,
    usable: Vec<UsableTool>,
}

impl<'a> Tools<'a> {
    /// What a caller may call now, out of what the agent may.
    pub(crate) async fn new(
        core: &'a Core,
        caller: &'a Caller,
        sink: &'a dyn ChatSink,
        allowed: Option<&[String]>,
        environment: Option<&str>,
    ) -> Result<Self, Error> {
        let environment = core.directory.environment(&caller.project_id, environment)?.id.to_string();
        let listed = core.list_tools(caller, Some(&environment)).await?;
        let may_use = |tool: &ListedTool| {
            let is_allowed = allowed.is_none_or(|allowed| allowed.contains(&tool.declaration.name));
            is_allowed && tool.online && tool.enabled && access::check(caller, &tool.declaration).is_ok()
        };
        let usable = with_handles(listed.into_iter().filter(may_use).collect());
        Ok(Self { core, caller, sink, usable })
    }

    /// The tools, by entity, each worker's in its own order.
    #[must_use]
    pub fn list(&self) -> &[UsableTool] {
        &self.usable
    }

    /// The tool of that handle.
    #[must_use]
    pub fn find(&self, handle: &str) -> Option<&UsableTool> {
        self.usable.iter().find(|tool| tool.handle == handle)
    }

    /// One tool in the form that a model's interface takes, under its own name.
    ///
    /// # Errors
    /// The tool's schema is one that cannot be written in other forms, or the database failed.
    pub async fn export(&self, tool: &UsableTool, dialect: Dialect) -> Result<Value, Error> {
        self.core.tool_in(self.caller, &tool.name(), dialect).await
    }

    /// Calls a tool, and returns its result. The sink is told of both.
    ///
    /// # Errors
    /// There is no such tool, the arguments are no JSON object, or anything that can go wrong with a call. The text is meant
    /// for the agent, which may try again or say what went wrong.
    pub async fn call(&self, handle: &str, arguments: &RawValue) -> Result<Box<RawValue>, Error> {
        self.sink.event(ChatEvent::ToolCall { tool: handle, input: arguments });
        let ended = self.run(handle, arguments).await;
        let output = match &ended {
            Ok(result) => result.clone(),
            Err(error) => failure(error),
        };
        self.sink.event(ChatEvent::ToolResult { tool: handle, output: &output });
        ended
    }

    async fn run(&self, handle: &str, arguments: &RawValue) -> Result<Box<RawValue>, Error> {
        let none = || Error::new(ErrorKind::UnknownTool, format!("there is no tool `{handle}`"));
        let request = CallRequest {
            tool: self.find(handle).ok_or_else(none)?.name(),
            arguments: Arguments::new(arguments)?,
            timeout: TIMEOUT,
            trace: TraceContext::from_parent(None),
            progress: None,
        };
        Ok(self.core.call(self.caller, request).await?.result)
    }
}

impl fmt::Debug for Tools<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").field("usable", &self.usable.len()).finish_non_exhaustive()
    }
}

/// What an agent and its user are told of a call that failed: `{"error": "..."}`, with everything that is wrong with the arguments.
pub(crate) fn failure(error: &Error) -> Box<RawValue> {
    let problems = error.problems().iter().map(|problem| format!("{}: {}", problem.path, problem.message));
    let text: Vec<_> = std::iter::once(error.to_string()).chain(problems).collect();
    let told = serde_json::json!({"error": text.join("\n")});
    serde_json::value::to_raw_value(&told).expect("strings always serialize")
}

/// Gives each tool a name that models take and no other has: its own, or else with its entity's, or else with a hash.
fn with_handles(tools: Vec<ListedTool>) -> Vec<UsableTool> {
    let own = |tool: &ListedTool| plain(&tool.declaration.name);
    let of_entity = |tool: &ListedTool| format!("{}__{}", plain(&tool.identity.entity), own(tool));
    let (owns, of_entities) = (count(&tools, own), count(&tools, of_entity));
    let handle = |tool: &ListedTool| {
        let fits = |name: &str, names: &HashMap<String, usize>| names[name] == 1 && name.len() <= MAX_HANDLE_CHARS;
        let (own, of_entity) = (own(tool), of_entity(tool));
        if fits(&own, &owns) && own == tool.declaration.name {
            own
        } else if fits(&of_entity, &of_entities) && own == tool.declaration.name && !owns.contains_key(&of_entity) {
            of_entity
        } else {
            hashed(&own, &tool.identity.entity, &tool.declaration.name)
        }
    };
    tools.into_iter().map(|tool| UsableTool { handle: handle(&tool), tool }).collect()
}

fn count(tools: &[ListedTool], name: impl Fn(&ListedTool) -> String) -> HashMap<String, usize> {
    let mut count = HashMap::new();
    for tool in tools {
        *count.entry(name(tool)).or_default() += 1;
    }
    count
}

/// A name in the characters that models take.
fn plain(name: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect()
}

fn hashed(full: &str, entity: &str, name: &str) -> String {
    let room = MAX_HANDLE_CHARS - HASH_CHARS - 1;
    let hash = sha256(&format!("{entity}/{name}"));
    format!("{}_{}", full.chars().take(room).collect::<String>(), &hash[..HASH_CHARS])
}

#[cfg(test)]
mod tests {
    use platools::wire::ToolDeclaration;
    use serde_json::json;

    use super::*;
    use crate::core::identity::Identity;

    fn handles(tools: &[(&str, &str)]) -> Vec<String> {
        let listed = tools.iter().map(|(entity, name)| ListedTool {
            identity: Identity { entity: (*entity).to_owned(), ..Identity::sample() },
            online: true,
            enabled: true,
            fingerprint: String::new(),
            changed_ms: 0,
            declaration: ToolDeclaration::new(*name, "", json!({})),
        });
        with_handles(listed.collect()).into_iter().map(|tool| tool.handle).collect()
    }

    #[test]
    fn a_name_that_models_take_stays_as_it_is() {
        assert_eq!(handles(&[("a", "lookup_order"), ("b", "send-mail")]), ["lookup_order", "send-mail"]);
    }

    #[test]
    fn tools_of_one_name_are_told_apart_by_their_entities() {
        assert_eq!(
            handles(&[("a", "lookup"), ("b.c", "lookup"), ("b", "other")]),
            ["a__lookup", "b_c__lookup", "other"]
        );
    }

    #[test]
    fn names_that_models_do_not_take_become_ones_that_nobody_else_has() {
        let long = "x".repeat(100);
        let found = handles(&[
            ("a", "files.read"),
            ("a", "files/read"),
            ("b", "files.read"),
            ("a", &long),
            ("a", &format!("{long}y")),
        ]);
        for handle in &found {
            assert!(handle.len() <= MAX_HANDLE_CHARS && plain(handle) == *handle, "{handle}");
        }
        let different: std::collections::HashSet<_> = found.iter().collect();
        assert_eq!(different.len(), found.len(), "{found:?}");
        assert_eq!(handles(&[("a", "files.read")])[0].split_at(11).0, "files_read_", "{found:?}");
    }
}
