//! Tests of registries.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::tool::{BindError, Context, Dialect, Handler, HandlerFuture, Injected, Output, Tool, borrowing};

/// A tool that borrows a `u64` if it is told to.
struct Named(&'static str, bool);

impl Tool for Named {
    fn definition(&self) -> ToolDefinition {
        ToolDefinition::new(self.0, "A tool.", json!({"type": "object", "properties": {}}))
    }

    fn bind(&self, state: &State) -> Result<Arc<dyn Handler>, BindError> {
        if self.1 {
            Injected::resolve(&borrowing::<u64>(), "limit", state)?;
        }
        Ok(Arc::new(Nothing))
    }
}

struct Nothing;

impl Handler for Nothing {
    fn call(self: Arc<Self>, _: Context, output: Output) -> HandlerFuture {
        Box::pin(async move { output.write(&()) })
    }
}

fn tools(names: &[&'static str]) -> Vec<Box<dyn Tool>> {
    names.iter().map(|name| Box::new(Named(name, false)) as Box<dyn Tool>).collect()
}

fn registry(names: &[&'static str]) -> ToolRegistry {
    ToolRegistry::new().with_tools(tools(names)).expect("the names differ")
}

#[test]
fn names_keep_the_order_they_were_added_in() {
    let registry = registry(&["b", "a", "c"]);
    assert!(registry.remove("a"));
    assert!(!registry.remove("a"));
    registry.insert(Named("a", false)).expect("it is free again");
    assert_eq!(registry.names(), ["b", "c", "a"]);
    registry.replace(Named("c", false)).expect("valid");
    assert_eq!(registry.names(), ["b", "c", "a"], "a replaced tool keeps its place");
}

#[test]
fn a_duplicate_name_adds_none_of_the_tools() {
    let registry = registry(&["a"]);
    let error = registry.insert(tools(&["b", "a"])).expect_err("a is taken");
    assert_eq!(error.kind(), ErrorKind::DuplicateTool);
    assert!(error.to_string().contains("`a`"), "{error}");
    assert_eq!(registry.names(), ["a"]);
}

#[test]
fn an_invalid_declaration_is_refused_by_name() {
    let error = ToolRegistry::new().with_tools(tools(&["no spaces"])).expect_err("a bad name");
    assert_eq!(error.kind(), ErrorKind::InvalidTool);
    assert!(error.to_string().contains("`no spaces`"), "{error}");
}

#[test]
fn state_and_tools_are_added_in_any_order_and_missing_state_is_found_by_the_check() {
    let registry = ToolRegistry::new().with_tools(Named("t", true)).expect("state may follow");
    registry.insert(Named("other", true)).expect("state may follow");
    let error = registry.check().expect_err("there is no u64");
    assert_eq!(error.kind(), ErrorKind::MissingState);
    for part in ["`t`", "`other`", "`limit`", "`u64`", "with_state"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    registry.with_state(7_u64).check().expect("now there is one");
    let before = ToolRegistry::new().with_state(7_u64).with_tools(Named("t", true)).expect("a free name");
    before.check().expect("it was there before the tool");
}

#[test]
fn a_registry_in_use_refuses_tools_that_lack_state() {
    let registry = registry(&["a"]);
    registry.check().expect("no tool borrows anything");
    let error = registry.insert(Named("t", true)).expect_err("there is no u64");
    assert_eq!((error.kind(), registry.names()), (ErrorKind::MissingState, vec!["a".to_owned()]));
    let registry = registry.with_state(7_u64);
    registry.replace(Named("t", true)).expect("now there is one");
    registry.check().expect("nothing is missing");
}

#[tokio::test]
async fn a_call_of_a_tool_that_lacks_state_says_so_until_it_is_added() {
    let registry = ToolRegistry::new().with_tools(Named("t", true)).expect("state may follow");
    let error = registry.call("t", json!({})).await.expect_err("there is no u64");
    assert!(error.is_internal() && error.message().contains("tool `t`: parameter `limit` borrows a `u64`"), "{error}");
    let registry = registry.with_state(7_u64);
    assert_eq!(registry.call("t", json!({})).await.expect("now there is one"), json!(null));
}

#[test]
fn every_change_is_announced_and_nothing_else_is() {
    let registry = registry(&["a"]);
    let changes = registry.changes();
    let count = || *changes.borrow();
    let start = count();
    registry.insert(tools(&["b", "c"])).expect("free names");
    assert_eq!(count(), start + 1, "one edit is one change");
    registry.insert(tools(&["b"])).expect_err("taken");
    assert!(!registry.remove("z"));
    registry.insert(tools(&[])).expect("nothing to add");
    assert_eq!(count(), start + 1);
    registry.clear();
    registry.clear();
    assert_eq!(count(), start + 2, "clearing an empty registry changes nothing");
}

#[test]
fn clones_share_their_tools() {
    let registry = registry(&["a"]);
    registry.clone().clear();
    assert!(registry.is_empty());
}

#[test]
fn the_fingerprint_depends_on_the_declarations_alone() {
    assert_eq!(registry(&["a", "b"]).fingerprint(), registry(&["b", "a"]).fingerprint());
    assert_ne!(registry(&["a", "b"]).fingerprint(), registry(&["a", "c"]).fingerprint());
    assert_eq!(registry(&["a"]).fingerprint().len(), 64);
}

#[test]
fn tools_are_exported_in_the_order_they_were_added_in() {
    let exported = registry(&["b", "a"]).export(Dialect::Anthropic);
    let names: Vec<_> = exported.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["b", "a"]);
}

/// A tool that looks at the registry wherever it can.
struct Curious(ToolRegistry);

impl Tool for Curious {
    fn definition(&self) -> ToolDefinition {
        ToolDefinition::new(format!("after_{}", self.0.len()), "A tool.", json!({"type": "object"}))
    }

    fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::new(Leaving(self.0.clone())))
    }
}

/// Looks at the registry when it is dropped.
struct Leaving(ToolRegistry);

impl Handler for Leaving {
    fn call(self: Arc<Self>, _: Context, output: Output) -> HandlerFuture {
        Box::pin(async move { Ok(output) })
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.clear();
    }
}

#[test]
fn tools_may_use_the_registry_they_come_into_and_leave() {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let registry = registry(&["a"]);
        registry.insert(Curious(registry.clone())).expect("it looks only");
        registry.check().expect("it borrows nothing");
        assert_eq!(registry.names(), ["a", "after_1"]);
        registry.insert(tools(&["after_1"])).expect_err("taken");
        assert!(registry.remove("after_1"));
        assert!(registry.is_empty(), "the handler cleared it on its way out");
        let state = ToolRegistry::new().with_state(Leaving(registry.clone()));
        drop(state.with_state(Leaving(registry)));
        done.send(()).expect("the test waits");
    });
    ended.recv_timeout(std::time::Duration::from_secs(30)).expect("no deadlock, and no failure");
}

#[tokio::test]
async fn a_handler_that_writes_nothing_returns_null() {
    let registry = ToolRegistry::new();
    registry.insert(Curious(registry.clone())).expect("a free name");
    assert_eq!(registry.call("after_0", json!({})).await.expect("it succeeds"), json!(null));
}

/// A tool with limits.
struct Limited(u32, u32);

impl Tool for Limited {
    fn definition(&self) -> ToolDefinition {
        let mut definition = ToolDefinition::new("t", "A tool.", json!({"type": "object"}));
        definition.max_concurrency = self.0.try_into().ok();
        let calls = self.1.try_into().expect("not zero");
        definition.rate_limit = Some(crate::tool::Rate::new(calls, std::time::Duration::from_secs(3600)));
        definition
    }

    fn bind(&self, _: &State) -> Result<Arc<dyn Handler>, BindError> {
        Ok(Arc::new(Nothing))
    }
}

/// Three facts about a tool: a call may run at once, one may start within the rate, and the number of faults of the last hour.
fn state(registry: &ToolRegistry) -> (bool, bool, u64) {
    let tool = registry.find("t").expect("it is there");
    let is_free = tool.permits().is_some_and(|permits| permits.available_permits() > 0);
    let now = tokio::time::Instant::now();
    (is_free, tool.try_start().is_ok(), tool.health().verdict(now).errors)
}

#[test]
fn a_replaced_tool_keeps_its_health_and_the_limits_that_are_as_before() {
    let registry = ToolRegistry::new().with_tools(Limited(1, 1)).expect("valid");
    let tool = registry.find("t").expect("it is there");
    let running = tool.permits().cloned().expect("a limit").try_acquire_owned().expect("none runs");
    tool.try_start().expect("the first call");
    let now = tokio::time::Instant::now();
    tool.health().record(now, std::time::Duration::ZERO, Some("it broke".to_owned()));

    registry.replace(Limited(1, 1)).expect("valid");
    assert!(!Arc::ptr_eq(&tool, &registry.find("t").expect("it is there")));
    assert_eq!(state(&registry), (false, false, 1));
    registry.replace(Limited(1, 1)).expect("valid");
    drop(running);
    assert_eq!(state(&registry), (true, false, 1), "a call of the first tool makes room");
    registry.replace(Limited(2, 1)).expect("valid");
    assert_eq!(state(&registry), (true, false, 1));
    registry.replace(Limited(2, 2)).expect("valid");
    assert_eq!(state(&registry), (true, true, 1), "another rate begins anew");
    assert!(registry.remove("t"));
    registry.insert(Limited(2, 2)).expect("it is free");
    assert_eq!(state(&registry), (true, true, 0));
}
