//! [`check`]: finds declarations that the interfaces of language models take in part only.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::finding::Finding;
use super::rule::Rule;
use super::sources::{input_properties, properties};
use crate::tool::{Dialect, ToolDefinition};

/// The longest description that OpenAI takes, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1024;

/// Keywords that are sentences for Gemini. `additionalProperties` is one too, and says only what models do anyway.
const NOT_OF_GEMINI: [&str; 12] = [
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "uniqueItems",
    "contains",
    "not",
    "if",
    "dependentRequired",
    "dependentSchemas",
    "propertyNames",
    "patternProperties",
    "prefixItems",
];

pub(super) fn check(tools: &[Arc<ToolDefinition>], findings: &mut Vec<Finding>) {
    for tool in tools {
        check_openai(tool, findings);
        check_anthropic(tool, findings);
        check_gemini(tool, findings);
    }
}

fn check_openai(tool: &ToolDefinition, findings: &mut Vec<Finding>) {
    if tool.export(Dialect::OpenAi)["function"]["strict"] != true {
        let message = "it has no strict form for OpenAI, so models may send arguments that do not fit; \
                       maps, `not`, conditions and very large schemas have none";
        findings.push(Finding::of_tool(Rule::OpenAiNotStrict, &tool.name, message.to_owned()));
    }
    let chars = tool.description.chars().count();
    if chars > MAX_DESCRIPTION_CHARS {
        let message =
            format!("its description has {chars} characters; OpenAI's models get the first {MAX_DESCRIPTION_CHARS}");
        findings.push(Finding::of_tool(Rule::OpenAiLongDescription, &tool.name, message));
    }
}

fn check_anthropic(tool: &ToolDefinition, findings: &mut Vec<Finding>) {
    let exported = tool.export(Dialect::Anthropic);
    let shown: BTreeSet<_> = properties(&exported["input_schema"]).map(|(name, _)| name).collect();
    for (param, _) in input_properties(tool).filter(|(name, _)| !shown.contains(name)) {
        let message = "Anthropic does not take its name, and shows models another; use letters, digits, `_`, `.` and `-`, up to 64";
        findings.push(Finding::of_param(Rule::AnthropicRenamedParam, &tool.name, param, message.to_owned()));
    }
}

fn check_gemini(tool: &ToolDefinition, findings: &mut Vec<Finding>) {
    let mut found = BTreeSet::new();
    each_keyword(&tool.input_schema, &mut |keyword| {
        found.extend(NOT_OF_GEMINI.iter().copied().find(|known| *known == keyword));
    });
    if !found.is_empty() {
        let keywords: Vec<_> = found.into_iter().map(|keyword| format!("`{keyword}`")).collect();
        let message = format!("Gemini lacks {}, and its models read sentences instead", keywords.join(", "));
        findings.push(Finding::of_tool(Rule::GeminiInWords, &tool.name, message));
    }
}

/// Visits the keywords of all schemas within a schema. Values that only look like schemas, such as a `default`, are left out.
fn each_keyword<'a>(schema: &'a Value, visit: &mut impl FnMut(&'a str)) {
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        visit(keyword);
        match (keyword.as_str(), value) {
            ("default" | "const" | "enum" | "examples", _) => {}
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(named),
            ) => {
                Map::values(named).for_each(|schema| each_keyword(schema, visit));
            }
            (_, Value::Array(schemas)) => schemas.iter().for_each(|schema| each_keyword(schema, visit)),
            (_, schema) => each_keyword(schema, visit),
        }
    }
}
