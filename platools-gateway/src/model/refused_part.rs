//! [`RefusedPart`]: finds the part of a request that an endpoint refuses, such as a tool, in the endpoint's error.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// The part of a request that an endpoint refuses: positions only, without the endpoint's own text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum RefusedPart {
    /// The endpoint names no part, or a part that is not a tool.
    #[default]
    Unknown,
    /// These tools, by their positions in the request.
    Tools(BTreeSet<usize>),
    /// The strict form, which the endpoint does not support.
    StrictForm,
}

/// The positions of tools: `tools[3].function.parameters`, `tools.3.custom.name`, `function_declarations[3].name`, and `["tools", 3, ...]` as
/// some servers write the parts of a path.
static POSITION: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"function_declarations\[(\d{1,4})\]|tools(?:\[|\.|['"], ?|->|/)(\d{1,4})"#;
    Regex::new(pattern).expect("a pattern that is tested")
});

/// The names of tools: `Invalid schema for function 'lookup': ...`.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:function|tool) ['"`]([A-Za-z0-9_-]{1,64})['"`]"#).expect("a pattern that is tested")
});

/// Strict form as a member: `tools[0].function.strict`, `'strict'`.
static STRICT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\.strict\b|['"`]strict['"`]"#).expect("a pattern that is tested"));

impl RefusedPart {
    /// Reads the body of a refusal. `names` are those of the tools in the request, in their order.
    pub(super) fn of(body: &Value, names: &[&str]) -> Self {
        let error = body.get("error").unwrap_or(body);
        let param = error.get("param").and_then(Value::as_str).unwrap_or_default();
        // Some endpoints have no error of OpenAI's form, but the place in a text or in parts of it.
        let text = match error.get("message").and_then(Value::as_str) {
            Some(message) => format!("{param} {message}"),
            None => format!("{param} {error}"),
        };
        let position =
            |found: regex::Captures<'_>| found.iter().skip(1).flatten().find_map(|at| at.as_str().parse().ok());
        let positions = |text: &str| -> BTreeSet<usize> {
            // Gemini's interface counts its functions within `tools[0]`.
            let counts_functions = text.contains("function_declarations[");
            let found = POSITION.captures_iter(text).filter(|found| !counts_functions || found.get(1).is_some());
            found.filter_map(position).filter(|at| *at < names.len()).collect()
        };
        if STRICT.is_match(&text) && !names.contains(&"strict") {
            return Self::StrictForm;
        }
        let mut tools = positions(param);
        if tools.is_empty() {
            tools = positions(&text);
        }
        if tools.is_empty() {
            let named = NAME.captures_iter(&text).filter_map(|found| found.get(1));
            tools = named.filter_map(|name| names.iter().position(|known| *known == name.as_str())).collect();
        }
        if tools.is_empty() { Self::Unknown } else { Self::Tools(tools) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_leads_to_the_tools_that_it_names() {
        let openai = |param: &str, message: &str| json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": "x"}});
        for (body, tools) in [
            (
                openai(
                    "tools[1].function.parameters",
                    "Invalid schema for function 'one': schema must have type 'object'",
                ),
                vec![1],
            ),
            (
                openai("tools[2].function.description", "Invalid 'tools[2].function.description': string too long."),
                vec![2],
            ),
            (openai("tools[1].parameters", "'^\\\\p{L}$' is not a 'regex'."), vec![1]),
            (json!({"error": {"message": "Invalid schema for function 'two': x", "param": null}}), vec![2]),
            (
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": "tools.1.custom.name: String should match pattern"}}),
                vec![1],
            ),
            (
                json!({"error": {"code": 400, "message": "* GenerateContentRequest.tools[0].function_declarations[1].name: Invalid function name.\n* GenerateContentRequest.tools[0].function_declarations[2].parameters: missing"}}),
                vec![1, 2],
            ),
            (
                json!({"detail": [{"type": "missing", "loc": ["body", "tools", 2, "function", "parameters"], "msg": "Field required"}]}),
                vec![2],
            ),
            (openai("tools[9].function.name", "out of range"), vec![]),
            (
                openai(
                    "tools",
                    "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 130 instead.",
                ),
                vec![],
            ),
            (openai("messages[1].content", "string too long"), vec![]),
            (json!("nonsense"), vec![]),
            (Value::Null, vec![]),
        ] {
            let expected =
                if tools.is_empty() { RefusedPart::Unknown } else { RefusedPart::Tools(tools.into_iter().collect()) };
            assert_eq!(RefusedPart::of(&body, &["zero", "one", "two"]), expected, "{body}");
        }
    }

    #[test]
    fn an_endpoint_may_not_know_strict_form() {
        for body in [
            json!({"error": {"message": "property 'strict' is unsupported", "param": "tools[0].function"}}),
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "tools", 0, "function", "strict"]}]}),
            json!({"error": {"message": "Unknown parameter: 'tools[0].function.strict'.", "param": "tools[0].function.strict"}}),
        ] {
            assert_eq!(RefusedPart::of(&body, &["zero"]), RefusedPart::StrictForm, "{body}");
        }
    }
}
