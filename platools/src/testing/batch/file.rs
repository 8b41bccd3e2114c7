//! [`cases`]: reads the cases of a batch from YAML.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::case::BatchCase;
use super::expectation::{Expectation, ExpectedError, ExpectedResult};
use platools_transport::{Error, ErrorKind};

pub(super) fn cases(text: &str) -> Result<Vec<BatchCase>, Error> {
    let file: BatchFile = serde_norway::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let cases = file.tests.into_iter().enumerate().map(|(index, entry)| {
        let place = format!("case {} ({})", index + 1, entry.tool);
        entry.case().map_err(|problem| invalid(format!("{place}: {problem}")))
    });
    cases.collect()
}

fn invalid(problem: String) -> Error {
    Error::new(ErrorKind::InvalidSetting, format!("the batch of tests cannot be used: {problem}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchFile {
    tests: Vec<BatchEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchEntry {
    name: Option<String>,
    tool: String,
    user: Option<String>,
    params: Option<Map<String, Value>>,
    expect_success: Option<bool>,
    expect_error: Option<ErrorEntry>,
    #[serde(default, deserialize_with = "present")]
    expect: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    expect_exact: Option<Value>,
    expect_path: Option<Map<String, Value>>,
    expect_match: Option<MatchEntry>,
}

/// `expect_error`: true, a code, or a code and a regular expression for the message.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum ErrorEntry {
    Any(bool),
    Code(String),
    Parts { code: Option<String>, message: Option<String> },
}

/// `expect_match`: a regular expression for the result, or for the values at paths.
#[derive(Deserialize)]
#[serde(untagged)]
enum MatchEntry {
    Whole(String),
    Paths(Map<String, Value>),
}

/// A value that is there, also one that is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl BatchEntry {
    fn case(self) -> Result<BatchCase, String> {
        let expected = self.expects_error()?;
        let has_result = self.expect.is_some()
            || self.expect_exact.is_some()
            || self.expect_path.is_some()
            || self.expect_match.is_some();
        let expectation = match expected {
            Some(_) if has_result => return Err("it expects an error and a result; keep one of them".to_owned()),
            Some(error) => Expectation::Error(error),
            None => Expectation::Result(Box::new(self.expected_result()?)),
        };
        let name = self.name.unwrap_or_else(|| {
            let params = Value::Object(self.params.clone().unwrap_or_default());
            format!("{} {params}", self.tool)
        });
        let params = self.params.unwrap_or_default();
        Ok(BatchCase { name, tool: self.tool, params, user: self.user, expectation })
    }

    /// The error that is expected, if any is.
    fn expects_error(&self) -> Result<Option<ExpectedError>, String> {
        let error = match &self.expect_error {
            None | Some(ErrorEntry::Any(false)) => None,
            Some(ErrorEntry::Any(true)) => Some(ExpectedError::default()),
            Some(ErrorEntry::Code(code)) => Some(ExpectedError { code: Some(code.clone()), message: None }),
            Some(ErrorEntry::Parts { code, message }) => {
                let message = message.as_deref().map(super::expectation::pattern).transpose()?;
                Some(ExpectedError { code: code.clone(), message })
            }
        };
        match (self.expect_success, error, &self.expect_error) {
            (Some(true), Some(_), _) => {
                Err("`expect_success` and `expect_error` are both set; keep one of them".to_owned())
            }
            (Some(false), None, Some(_)) => {
                Err("`expect_success` and `expect_error` are both false, so that nothing is expected".to_owned())
            }
            (Some(false), None, None) => Ok(Some(ExpectedError::default())),
            (_, error, _) => Ok(error),
        }
    }

    fn expected_result(&self) -> Result<ExpectedResult, String> {
        let mut result = ExpectedResult::new(self.expect.clone(), self.expect_exact.clone());
        for (path, value) in self.expect_path.iter().flatten() {
            result.add_value(path, value.clone())?;
        }
        match &self.expect_match {
            None => {}
            Some(MatchEntry::Whole(pattern)) => result.add_match("$", pattern)?,
            Some(MatchEntry::Paths(paths)) => {
                for (path, pattern) in paths {
                    let pattern = pattern.as_str().ok_or_else(|| format!("the pattern for {path} must be a text"))?;
                    result.add_match(path, pattern)?;
                }
            }
        }
        Ok(result)
    }
}
