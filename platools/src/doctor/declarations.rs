//! [`check`]: checks the texts, the result and the hints of each declaration. [`check_agents`] compares tools with the agents of a platform.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::finding::Finding;
use super::rule::Rule;
use super::sources::input_properties;
use crate::tool::ToolDefinition;

/// The fewest characters of a description.
const MIN_DESCRIPTION_CHARS: usize = 10;

/// The most arguments of a tool that models fill in well.
const MAX_PARAMS: usize = 10;

/// Parts of names of tools that destroy something.
const DESTRUCTIVE_VERBS: [&str; 9] =
    ["delete", "remove", "archive", "drop", "purge", "clear", "wipe", "destroy", "truncate"];

pub(super) fn check(tools: &[Arc<ToolDefinition>], findings: &mut Vec<Finding>) {
    for tool in tools {
        check_descriptions(tool, findings);
        check_result(tool, findings);
        check_breadth(tool, findings);
        check_hints(tool, findings);
    }
}

fn check_descriptions(tool: &ToolDefinition, findings: &mut Vec<Finding>) {
    let too_short =
        |chars: usize| format!("its description has {chars} characters, and should have {MIN_DESCRIPTION_CHARS}");
    let chars = chars(&tool.description);
    if chars < MIN_DESCRIPTION_CHARS {
        findings.push(Finding::of_tool(Rule::ShortToolDescription, &tool.name, too_short(chars)));
    }
    for (param, schema) in input_properties(tool) {
        let chars = described_chars(schema);
        if chars < MIN_DESCRIPTION_CHARS {
            findings.push(Finding::of_param(Rule::ShortParamDescription, &tool.name, param, too_short(chars)));
        }
    }
}

fn described_chars(schema: &Map<String, Value>) -> usize {
    schema.get("description").and_then(Value::as_str).map_or(0, chars)
}

fn chars(text: &str) -> usize {
    text.trim().chars().count()
}

fn check_result(tool: &ToolDefinition, findings: &mut Vec<Finding>) {
    let is_declared =
        tool.output_schema.as_ref().is_some_and(|schema| schema.as_object().is_none_or(|it| !it.is_empty()));
    if !is_declared {
        let message = "it declares no schema of its result, so that no other tool is known to take it".to_owned();
        findings.push(Finding::of_tool(Rule::NoReturnSchema, &tool.name, message));
    }
}

fn check_breadth(tool: &ToolDefinition, findings: &mut Vec<Finding>) {
    let params = input_properties(tool).count();
    if params > MAX_PARAMS {
        let message = format!("it has {params} arguments; models fill in {MAX_PARAMS} or fewer well, so split it");
        findings.push(Finding::of_tool(Rule::OverlyBroadTool, &tool.name, message));
    }
}

fn check_hints(tool: &ToolDefinition, findings: &mut Vec<Finding>) {
    let name = tool.name.to_lowercase();
    let Some(verb) = DESTRUCTIVE_VERBS.iter().find(|verb| name.contains(**verb)) else { return };
    if !tool.annotations.get("destructiveHint").is_some_and(is_set) {
        let message = format!("its name has `{verb}`, and it is not declared as `destructive`");
        findings.push(Finding::of_tool(Rule::MissingDestructiveHint, &tool.name, message));
    }
}

/// True as Python takes it, in which the rule was written first.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

pub(super) fn check_agents(
    tools: &[Arc<ToolDefinition>],
    agent_tools: Option<&BTreeSet<String>>,
    roles_in_use: Option<&BTreeSet<String>>,
    findings: &mut Vec<Finding>,
) {
    for tool in tools {
        if agent_tools.is_some_and(|names| !names.contains(&tool.name)) {
            findings.push(Finding::of_tool(Rule::OrphanTool, &tool.name, "no agent has it".to_owned()));
        }
        let missing = |role: &&String| roles_in_use.is_some_and(|roles| !roles.contains(*role));
        findings.extend(tool.roles.iter().filter(missing).map(|role| {
            let message = format!("it asks for the role `{role}`, which no agent has");
            Finding::of_tool(Rule::PermissionGap, &tool.name, message)
        }));
    }
}
