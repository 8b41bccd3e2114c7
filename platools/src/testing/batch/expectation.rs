//! [`Expectation`]: compares the end of a call with the end that a case expects.

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::tool::ToolError;

/// The expected end of a call.
#[derive(Debug, Clone)]
pub(super) enum Expectation {
    Result(Box<ExpectedResult>),
    Error(ExpectedError),
}

/// An expected error; what is `None` may be anything.
#[derive(Debug, Clone, Default)]
pub(super) struct ExpectedError {
    pub(super) code: Option<String>,
    pub(super) message: Option<Regex>,
}

/// An expected result, of which each part has to hold.
#[derive(Debug, Clone)]
pub(super) struct ExpectedResult {
    subset: Option<Value>,
    exact: Option<Value>,
    values: Vec<(JsonPath, Value)>,
    matches: Vec<(JsonPath, Regex)>,
}

impl Expectation {
    /// Says what is wrong with the end of a call, if anything.
    pub(super) fn unmet_by(&self, end: Result<&Value, &ToolError>) -> Option<String> {
        match (self, end) {
            (Self::Result(expected), Ok(result)) => expected.unmet_by(result),
            (Self::Result(_), Err(error)) => Some(format!("it failed with `{}`: {error}", error.code())),
            (Self::Error(expected), Err(error)) => expected.unmet_by(error),
            (Self::Error(_), Ok(result)) => Some(format!("an error was expected, and it returned {}", short(result))),
        }
    }
}

impl ExpectedError {
    fn unmet_by(&self, error: &ToolError) -> Option<String> {
        if let Some(code) = self.code.as_deref().filter(|code| *code != error.code()) {
            return Some(format!("the code `{code}` was expected, and it is `{}`: {error}", error.code()));
        }
        let message = self.message.as_ref().filter(|pattern| !pattern.is_match(error.message()))?;
        Some(format!("a message that matches `{message}` was expected, and it is: {}", error.message()))
    }
}

impl ExpectedResult {
    pub(super) fn new(subset: Option<Value>, exact: Option<Value>) -> Self {
        Self { subset, exact, values: Vec::new(), matches: Vec::new() }
    }

    /// Expects a value at a path, or the list of the values where the path selects several.
    pub(super) fn add_value(&mut self, path: &str, value: Value) -> Result<(), String> {
        self.values.push((parsed(path)?, value));
        Ok(())
    }

    /// Expects that every value at a path is a text that matches.
    pub(super) fn add_match(&mut self, path: &str, text: &str) -> Result<(), String> {
        self.matches.push((parsed(path)?, pattern(text)?));
        Ok(())
    }

    fn unmet_by(&self, result: &Value) -> Option<String> {
        if let Some(exact) = self.exact.as_ref().filter(|exact| !is_equal(exact, result)) {
            return Some(format!("{} was expected, and it returned {}", short(exact), short(result)));
        }
        if let Some(expected) = &self.subset
            && let Some((path, problem)) = missing_part("$", expected, result)
        {
            return Some(format!("{path}: {problem}"));
        }
        let values = self.values.iter().find_map(|(path, value)| unmet_value(path, value, result));
        values.or_else(|| self.matches.iter().find_map(|(path, pattern)| unmet_match(path, pattern, result)))
    }
}

fn unmet_value(path: &JsonPath, expected: &Value, result: &Value) -> Option<String> {
    let found = path.query(result).all();
    let found = match found.as_slice() {
        [] => return Some(format!("{path}: the result {} has no such value", short(result))),
        [one] => (*one).clone(),
        several => several.iter().map(|value| (*value).clone()).collect(),
    };
    (!is_equal(expected, &found))
        .then(|| format!("{path}: {} was expected, and it is {}", short(expected), short(&found)))
}

fn unmet_match(path: &JsonPath, pattern: &Regex, result: &Value) -> Option<String> {
    let found = path.query(result).all();
    if found.is_empty() {
        return Some(format!("{path}: the result {} has no such value", short(result)));
    }
    let other = found.into_iter().find(|value| !value.as_str().is_some_and(|text| pattern.is_match(text)))?;
    Some(format!("{path}: a text that matches `{pattern}` was expected, and it is {}", short(other)))
}

/// The first part of `expected` that `found` lacks, with its path. Members that are not expected may be there.
fn missing_part(path: &str, expected: &Value, found: &Value) -> Option<(String, String)> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().find_map(|(name, expected)| {
            let path = format!("{path}.{name}");
            match found.get(name) {
                Some(found) => missing_part(&path, expected, found),
                None => Some((path, "it is missing".to_owned())),
            }
        }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut pairs = expected.iter().zip(found).enumerate();
            pairs.find_map(|(index, (expected, found))| missing_part(&format!("{path}[{index}]"), expected, found))
        }
        _ if is_equal(expected, found) => None,
        _ => Some((path.to_owned(), format!("{} was expected, and it is {}", short(expected), short(found)))),
    }
}

/// Equality of JSON, in which 1 and 1.0 are one number.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_equal(a, b)))
        }
        _ => one == other,
    }
}

fn parsed(path: &str) -> Result<JsonPath, String> {
    JsonPath::parse(path).map_err(|error| format!("{path} is no JSON Path: {error}"))
}

pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| format!("`{text}` is no regular expression: {error}"))
}

/// The longest value in a message, in characters.
const MAX_CHARS: usize = 300;

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
