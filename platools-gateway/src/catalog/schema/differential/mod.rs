//! Tests that workers and the gateway agree about arguments: they accept the same ones, change them alike, and refuse the others in the
//! same words.

mod edge_cases;
mod random;
mod schemas;
mod types;
mod values;

use platools::tool::{ArgumentProblem, code};
use platools::{Context, ToolDefinition, ToolError, ToolRegistry};
use serde::Serialize;
use serde_json::{Value, json};

use self::random::Random;
use self::schemas::schema;
use self::types::typed;
use self::values::values_for;
use super::ToolSchemas;
use crate::arguments::Arguments;

/// The outcome of a call: the arguments or the result, or the words of the refusal and the places of the problems.
type Verdict = Result<String, (String, Vec<String>)>;

/// The arguments as the gateway passes them on.
fn at_the_gateway(schemas: &ToolSchemas, sent: Arguments) -> Verdict {
    match schemas.fit(&sent) {
        Ok(fitted) => Ok(fitted.unwrap_or(sent).as_str().to_owned()),
        Err(invalid) => {
            let places = invalid.problems().iter().map(ArgumentProblem::pointer).collect();
            Err((invalid.to_string(), places))
        }
    }
}

async fn at_the_worker(registry: &ToolRegistry, tool: &str, arguments: impl Serialize) -> Verdict {
    let ended = registry.call(tool, arguments).await;
    ended.map(|result| result.to_string()).map_err(|error| {
        assert_eq!(error.code(), code::INVALID_ARGUMENTS, "{error}");
        let problems = error.details().and_then(|details| details["problems"].as_array().cloned()).unwrap_or_default();
        (
            error.message().to_owned(),
            problems.iter().map(|problem| problem["path"].as_str().unwrap_or_default().to_owned()).collect(),
        )
    })
}

/// Numbers of arguments that were taken as they are, changed, and refused.
#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    changed: usize,
    refused: usize,
}

impl Tally {
    fn count(&mut self, sent: &Value, outcome: &Verdict) {
        let sent = sent.to_string();
        match outcome {
            Ok(text) if *text == sent => self.taken += 1,
            Ok(_) => self.changed += 1,
            Err(_) => self.refused += 1,
        }
    }
}

/// The text as a worker's function sees it.
fn seen(text: &str) -> String {
    serde_json::from_str::<Value>(text).expect("JSON").to_string()
}

#[tokio::test]
async fn a_tool_made_at_run_time_takes_what_the_gateway_takes() {
    let (mut random, mut tally) = (Random::new(16), Tally::default());
    for _ in 0..500 {
        let schema = schema(&mut random);
        let schemas = ToolSchemas::new(&schema, None);
        assert_eq!(schemas.unused_because(), None, "{schema}");
        let echo = ToolDefinition::new("echo", "Say it again.", schema.clone());
        let echo = echo.handler(|arguments: Value, _: Context| async move { Ok::<_, ToolError>(arguments) });
        let registry = ToolRegistry::new().with_tools(echo).expect("a valid tool");
        for value in values_for(&mut random, &schema, 20) {
            let gateway = at_the_gateway(&schemas, Arguments::fitted(value.to_string()));
            let worker = at_the_worker(&registry, "echo", &value).await;
            tally.count(&value, &gateway);
            assert_eq!(worker, gateway.map(|text| seen(&text)), "{value} for {schema}");
        }
    }
    assert!(tally.taken > 1000 && tally.changed > 600 && tally.refused > 1000, "{tally:?}");
}

#[tokio::test]
async fn a_typed_tool_takes_what_the_gateway_takes_and_sees_what_it_changes() {
    let (mut random, mut tally) = (Random::new(17), Tally::default());
    let (registry, tools) = typed();
    assert!(tools.len() >= 40);
    let mut differences: Vec<String> = Vec::new();
    for tool in &tools {
        let schemas = ToolSchemas::new(&tool.input_schema, None);
        for value in values_for(&mut random, &tool.input_schema, 200) {
            let gateway = at_the_gateway(&schemas, Arguments::fitted(value.to_string()));
            tally.count(&value, &gateway);
            let worker = at_the_worker(&registry, &tool.name, &value).await;
            let expected = match &gateway {
                Ok(text) => {
                    at_the_worker(&registry, &tool.name, serde_json::from_str::<Value>(text).expect("JSON")).await
                }
                Err(refused) => Err(refused.clone()),
            };
            let is_taken_by_the_type = gateway.is_err() || worker.is_ok();
            if worker != expected || !is_taken_by_the_type {
                differences.push(json!({"tool": tool.name, "sent": value, "gateway": format!("{gateway:?}"), "worker": format!("{worker:?}")}).to_string());
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences[..differences.len().min(40)].join("\n")
    );
    assert!(tally.taken > 1000 && tally.changed > 600 && tally.refused > 1000, "{tally:?}");
}
