//! The command `call`: [`run`] calls a tool in this process, and prints its result.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::arguments::CallArguments;
use super::declarations::unknown_tool;
use super::output::print;
use crate::registry::ToolRegistry;
use crate::testing::{TestCaller, TestClient, TestReport};
use crate::tool::{ToolDefinition, ToolError};
use platools_transport::{Error, ErrorKind};

pub(super) async fn run(registry: &ToolRegistry, call: CallArguments) -> Result<ExitCode, Error> {
    registry.check()?;
    let definition = registry.get(&call.tool).ok_or_else(|| unknown_tool(registry, &call.tool))?;
    let arguments = arguments(&definition, &call)?;
    let caller = call.user.map_or_else(TestCaller::anonymous, TestCaller::user);
    let outcome = TestClient::new(registry, caller).call(&call.tool, &arguments).await;
    outcome.reports().iter().for_each(tell_report);
    match outcome.result() {
        Ok(result) => {
            print(format_args!("{result:#}"));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            tell_error(error);
            Ok(ExitCode::FAILURE)
        }
    }
}

fn tell_report(report: &TestReport) {
    match report {
        TestReport::Progress { done, total, message } => {
            let total = total.map(|total| format!(" of {total}")).unwrap_or_default();
            let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            eprintln!("progress: {done}{total}{message}");
        }
        TestReport::Log { level, message } => eprintln!("{}: {message}", level.as_str()),
    }
}

fn tell_error(error: &ToolError) {
    eprintln!("error: {} ({})", error.message(), error.code());
    if let Some(details) = error.details() {
        eprintln!("details: {details}");
    }
}

fn arguments(tool: &ToolDefinition, call: &CallArguments) -> Result<Map<String, Value>, Error> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidSetting, message);
    if let Some(text) = &call.arguments {
        let value = serde_json::from_str(text);
        return value.map_err(|error| invalid(format!("--arguments must be a JSON object: {error}")));
    }
    let pair = |pair: &String| {
        let (name, text) = pair.split_once('=').ok_or_else(|| invalid(format!("`{pair}` must be NAME=VALUE")))?;
        Ok((name.to_owned(), value(tool, name, text)))
    };
    call.pairs.iter().map(pair).collect()
}

/// The value of an argument: a text where the tool takes one, or else JSON if it is JSON.
fn value(tool: &ToolDefinition, name: &str, text: &str) -> Value {
    let takes_text = tool.input_schema["properties"][name]["type"] == "string";
    let json = if takes_text { None } else { serde_json::from_str(text).ok() };
    json.unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(pairs: &[&str], json: Option<&str>) -> Result<Value, Error> {
        let schema =
            json!({ "type": "object", "properties": { "id": { "type": "string" }, "n": { "type": "integer" } } });
        let tool = ToolDefinition::new("t", "Do it.", schema);
        let pairs = pairs.iter().map(ToString::to_string).collect();
        let call = CallArguments { tool: "t".to_owned(), pairs, arguments: json.map(str::to_owned), user: None };
        arguments(&tool, &call).map(Value::Object)
    }

    #[test]
    fn values_are_texts_where_the_tool_takes_a_text_and_json_elsewhere() {
        let pairs = ["id=42", "n=42", "other=a=b", "list=[1]", "empty="];
        let expected = json!({ "id": "42", "n": 42, "other": "a=b", "list": [1], "empty": "" });
        assert_eq!(parsed(&pairs, None).expect("pairs"), expected);
        assert_eq!(parsed(&[], Some(r#"{"id": 1}"#)).expect("an object"), json!({ "id": 1 }));
        assert!(parsed(&["id"], None).expect_err("no value").to_string().contains("`id` must be NAME=VALUE"));
        assert!(parsed(&[], Some("[1]")).expect_err("a list").to_string().contains("JSON object"));
    }
}
