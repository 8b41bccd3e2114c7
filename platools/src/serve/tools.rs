//! [`ServedTools`]: chooses the tools of a registry that a local MCP server shows to its clients, and tells the clients when these tools
//! change.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{ErrorData, ListToolsResult, Tool};
use serde_json::from_value;
use tokio::sync::watch;

use crate::mcp::{Revision, ToolPage, after_cursor};
use crate::registry::ToolRegistry;
use crate::tool::{Dialect, ResultRule, ToolDefinition};
use platools_transport::{Error, ErrorKind};

/// The tools of a registry, or those of them that were named.
#[derive(Debug, Clone)]
pub(super) struct ServedTools {
    registry: ToolRegistry,
    only: Option<BTreeSet<String>>,
    rules: Rules,
}

/// The rules of the tools' results, made when they are first needed, each with the declaration that it is of.
type Rules = Arc<Mutex<HashMap<String, (Arc<ToolDefinition>, Arc<ResultRule>)>>>;

/// Notices of changes of the tools that are shown.
#[derive(Debug, Clone)]
pub(super) struct ServedChanges {
    // Made before `shown` is read, so that it hears of everything that comes after.
    counted: watch::Receiver<u64>,
    shown: Vec<Arc<ToolDefinition>>,
    tools: ServedTools,
}

impl ServedChanges {
    /// Waits for the next one; several at once are one. `false` if there can be none any more.
    pub(super) async fn next_change(&mut self) -> bool {
        while self.counted.changed().await.is_ok() {
            let shown = self.tools.definitions();
            if shown != self.shown {
                self.shown = shown;
                return true;
            }
        }
        false
    }
}

impl ServedTools {
    /// The tools that are named, or all, also those that are added later, if none is. A tool that lacks state is an error.
    pub(super) fn new(registry: ToolRegistry, named: &[String]) -> Result<Self, Error> {
        registry.check()?;
        let there = registry.names();
        let unknown: Vec<_> = named.iter().filter(|name| !there.contains(name)).map(String::as_str).collect();
        if !unknown.is_empty() {
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            let message = format!("there is no tool named {}; there are: {there}", unknown.join(", "));
            return Err(Error::new(ErrorKind::UnknownTool, message));
        }
        let only = (!named.is_empty()).then(|| named.iter().cloned().collect());
        Ok(Self { registry, only, rules: Rules::default() })
    }

    pub(super) fn registry(&self) -> &ToolRegistry {
        &self.registry
    }

    /// Notice of changes from now on.
    pub(super) fn changes(&self) -> ServedChanges {
        ServedChanges { counted: self.registry.changes(), shown: self.definitions(), tools: self.clone() }
    }

    /// The declarations of those that are shown, in the order they were added.
    pub(super) fn definitions(&self) -> Vec<Arc<ToolDefinition>> {
        let mut definitions = self.registry.definitions();
        definitions.retain(|tool| self.shows(&tool.name));
        definitions
    }

    /// The declaration of one that is shown.
    pub(super) fn get(&self, name: &str) -> Option<Arc<ToolDefinition>> {
        self.registry.get(name).filter(|_| self.shows(name))
    }

    /// The rule of a tool's results.
    pub(super) fn rule(&self, tool: &Arc<ToolDefinition>) -> Arc<ResultRule> {
        let known = |rules: &HashMap<_, (Arc<ToolDefinition>, Arc<ResultRule>)>| {
            let (of, rule) = rules.get(&tool.name)?;
            Arc::ptr_eq(of, tool).then(|| Arc::clone(rule))
        };
        if let Some(rule) = known(&self.rules.lock().unwrap_or_else(PoisonError::into_inner)) {
            return rule;
        }
        let rule = Arc::new(ResultRule::of(tool));
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        // Tools come and go at run time; only those that are there are kept.
        rules.retain(|name, (of, _)| self.registry.get(name).is_some_and(|there| Arc::ptr_eq(&there, of)));
        rules.insert(tool.name.clone(), (Arc::clone(tool), Arc::clone(&rule)));
        rule
    }

    /// The page of tools that a cursor leads to, as a revision has them.
    pub(super) fn page(&self, cursor: Option<&str>, revision: Revision) -> Result<ListToolsResult, ErrorData> {
        let (all, mut page) = (self.definitions(), ToolPage::default());
        for tool in after_cursor(&all, cursor, |tool| &tool.name)? {
            if !page.add(&tool.name, revision.tool(self.wire(tool))) {
                break;
            }
        }
        Ok(page.into_result())
    }

    /// A tool as the protocol's library has it. A schema that results cannot be checked against is not shown.
    pub(super) fn wire(&self, tool: &Arc<ToolDefinition>) -> Tool {
        let mut wire: Tool = from_value(tool.export(Dialect::Mcp)).expect("an exported tool is one of the protocol");
        if !self.rule(tool).is_structured() {
            wire.output_schema = None;
        }
        wire
    }

    fn shows(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use serde_json::json;

    use super::*;
    use crate::tool::{BindError, Handler, State, Tool as Declared};

    struct Named(String);

    impl Declared for Named {
        fn definition(&self) -> ToolDefinition {
            ToolDefinition::new(&self.0, "Do it.", json!({ "type": "object" }))
        }

        fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
            struct Never;
            impl Handler for Never {
                fn call(self: Arc<Self>, _: crate::Context, output: crate::tool::Output) -> crate::tool::HandlerFuture {
                    Box::pin(async { Ok(output) })
                }
            }
            Ok(Arc::new(Never))
        }
    }

    fn registry(count: usize) -> ToolRegistry {
        let tools = (0..count).map(|index| Box::new(Named(format!("tool_{index}"))) as Box<dyn Declared>);
        ToolRegistry::new().with_tools(tools.collect::<Vec<_>>()).expect("valid tools")
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_named_tools_are_shown_also_of_those_that_come_later() {
        let tools = ServedTools::new(registry(3), &named(&["tool_2", "tool_0"])).expect("they are there");
        tools.registry().insert(vec![Box::new(Named("late".to_owned())) as Box<dyn Declared>]).expect("a new name");
        let names: Vec<_> = tools.definitions().iter().map(|tool| tool.name.clone()).collect();
        assert_eq!(names, ["tool_0", "tool_2"]);
        assert!(tools.get("tool_1").is_none() && tools.get("late").is_none() && tools.get("tool_2").is_some());
    }

    #[test]
    fn only_changes_of_what_is_shown_are_told() {
        let tools = ServedTools::new(registry(3), &named(&["tool_0"])).expect("it is there");
        let mut changes = tools.changes();
        tools.registry().remove("tool_1");
        assert_eq!(changes.next_change().now_or_never(), None);
        tools.registry().remove("tool_0");
        assert_eq!(changes.next_change().now_or_never(), Some(true));
        assert_eq!(changes.next_change().now_or_never(), None);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_what_there_is() {
        let error = ServedTools::new(registry(2), &named(&["tool_1", "nope", "neither"])).expect_err("two are unknown");
        assert_eq!(error.kind(), ErrorKind::UnknownTool);
        assert_eq!(error.to_string(), "there is no tool named nope, neither; there are: tool_0, tool_1");
        let error = ServedTools::new(ToolRegistry::new(), &named(&["nope"])).expect_err("there is none");
        assert_eq!(error.to_string(), "there is no tool named nope; there are: none");
    }
}
