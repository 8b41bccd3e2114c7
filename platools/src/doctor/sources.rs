//! [`check`]: checks where the required arguments of tools come from: the results of other tools, in no circle.
//!
//! A result has the values that the `properties` of its schema name at the root.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::finding::Finding;
use super::rule::Rule;
use crate::tool::ToolDefinition;

pub(super) fn check(tools: &[Arc<ToolDefinition>], findings: &mut Vec<Finding>) {
    let returned = ReturnedValues::of(tools);
    findings.extend(returned.ambiguous());
    for tool in tools {
        for param in required(tool) {
            check_param(tool, param, &returned, findings);
        }
    }
    findings.extend(circles(tools, &returned));
}

fn check_param(tool: &ToolDefinition, param: &str, returned: &ReturnedValues<'_>, findings: &mut Vec<Finding>) {
    let schema = input_properties(tool).find(|(name, _)| *name == param).map(|(_, schema)| schema);
    let sources: Vec<_> = returned.by_others(param, &tool.name).collect();
    let is_user_providable = schema.is_some_and(|schema| schema.get("x-user-providable") == Some(&Value::Bool(true)));
    if sources.is_empty() && !is_user_providable {
        let message = "no other tool returns it, and nothing says that people know it; if they do, declare it with \
                       `#[arg(user_providable)]` or `\"x-user-providable\": true` in its schema, or allow the rule";
        findings.push(Finding::of_param(Rule::UnreachableParam, &tool.name, param, message.to_owned()));
    }
    let Some(expected) = schema.and_then(plain_type) else { return };
    for (other, kind) in sources {
        if let Some(kind) = kind.filter(|kind| *kind != expected) {
            let message = format!("it takes `{expected}`, and `{other}` returns `{kind}`");
            findings.push(Finding::of_param(Rule::TypeMismatch, &tool.name, param, message));
        }
    }
}

/// The values that tools return: by name, the tools that return one and its type.
struct ReturnedValues<'a>(BTreeMap<&'a str, Vec<(&'a str, Option<&'a str>)>>);

impl<'a> ReturnedValues<'a> {
    fn of(tools: &'a [Arc<ToolDefinition>]) -> Self {
        let mut returned: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for tool in tools {
            let properties = tool.output_schema.iter().flat_map(properties);
            for (name, schema) in properties {
                returned.entry(name).or_default().push((tool.name.as_str(), plain_type(schema)));
            }
        }
        Self(returned)
    }

    fn by_others<'b>(&'b self, name: &str, tool: &'b str) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + 'b {
        self.0.get(name).into_iter().flatten().copied().filter(move |(other, _)| *other != tool)
    }

    fn ambiguous(&self) -> impl Iterator<Item = Finding> + '_ {
        self.0.iter().filter(|(_, tools)| tools.len() > 1).map(|(name, tools)| {
            let mut names: Vec<_> = tools.iter().map(|(tool, _)| *tool).collect();
            names.sort_unstable();
            let message = format!("`{name}` is returned by {} tools: {}", names.len(), names.join(", "));
            Finding::new(Rule::AmbiguousOutput, message)
        })
    }
}

/// Circles of tools of which each needs a result of the next one. Every tool of a circle has a finding.
fn circles(tools: &[Arc<ToolDefinition>], returned: &ReturnedValues<'_>) -> Vec<Finding> {
    let needs = |tool: &'_ Arc<ToolDefinition>| {
        let others: BTreeSet<String> = required(tool)
            .flat_map(|param| returned.by_others(param, &tool.name).map(|(other, _)| other.to_owned()))
            .collect();
        (tool.name.clone(), others)
    };
    let mut search = CircleSearch { needs: tools.iter().map(needs).collect(), ..CircleSearch::default() };
    let names: Vec<_> = search.needs.keys().cloned().collect();
    names.iter().for_each(|name| search.visit(name));
    search.findings
}

/// A search in depth, in the order of names. Of two circles with the same tools, the first counts.
#[derive(Default)]
struct CircleSearch {
    needs: BTreeMap<String, BTreeSet<String>>,
    trail: Vec<String>,
    done: BTreeSet<String>,
    known: BTreeSet<BTreeSet<String>>,
    findings: Vec<Finding>,
}

impl CircleSearch {
    fn visit(&mut self, tool: &str) {
        if self.done.contains(tool) {
            return;
        }
        self.trail.push(tool.to_owned());
        for next in self.needs.get(tool).cloned().unwrap_or_default() {
            match self.trail.iter().position(|earlier| *earlier == next) {
                Some(start) => self.close(start),
                None => self.visit(&next),
            }
        }
        self.trail.pop();
        self.done.insert(tool.to_owned());
    }

    /// Notes the circle of the tools of the trail from `start` on.
    fn close(&mut self, start: usize) {
        let circle = &self.trail[start..];
        if !self.known.insert(circle.iter().cloned().collect()) {
            return;
        }
        let message = format!("tools need each other's results: {} -> {}", circle.join(" -> "), circle[0]);
        let findings = circle.iter().map(|tool| Finding::of_tool(Rule::CircularDependency, tool, message.clone()));
        self.findings.extend(findings);
    }
}

/// The properties of an object schema that are schemas with keywords.
pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().filter_map(|(name, schema)| Some((name.as_str(), schema.as_object()?)))
}

pub(super) fn input_properties(tool: &ToolDefinition) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
    properties(&tool.input_schema)
}

fn required(tool: &ToolDefinition) -> impl Iterator<Item = &str> {
    let names = tool.input_schema.get("required").and_then(Value::as_array);
    let names: BTreeSet<_> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    names.into_iter()
}

/// The type of a schema that names exactly one.
fn plain_type(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("type")?.as_str()
}
