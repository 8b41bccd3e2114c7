//! What is wrong with the arguments of a call, all of it.

use serde_json::{Value, json};

use crate::tool::error::{ToolError, code};

/// Collects what is wrong, argument by argument.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

#[derive(Debug)]
struct Problem {
    argument: String,
    path: String,
    message: String,
}

impl Problems {
    /// Something is wrong with an argument; `within` is where inside of its value, empty for the whole.
    pub(super) fn add(&mut self, argument: &str, within: &str, message: impl Into<String>) {
        let path = match within {
            "" | "." => argument.to_owned(),
            index if index.starts_with('[') => format!("{argument}{index}"),
            field => format!("{argument}.{field}"),
        };
        self.0.push(Problem { argument: argument.to_owned(), path, message: message.into() });
    }

    /// Whether something is already known to be wrong with an argument.
    pub(super) fn concern(&self, argument: &str) -> bool {
        self.0.iter().any(|problem| problem.argument == argument)
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One failure that names every problem.
    pub(super) fn into_error(self) -> ToolError {
        let lines: Vec<_> = self.0.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
        let details: Vec<Value> =
            self.0.iter().map(|problem| json!({"path": problem.path, "message": problem.message})).collect();
        ToolError::new(format!("invalid arguments: {}", lines.join("; ")))
            .with_code(code::INVALID_ARGUMENTS)
            .with_details(json!({ "problems": details }))
    }
}

/// The known name that was probably meant.
pub(super) fn did_you_mean<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&unknown.to_lowercase(), &name.to_lowercase());
    let (distance, name) = known.iter().map(|name| (distance(name), *name)).min()?;
    (distance <= 1.max(unknown.chars().count() / 3)).then_some(name)
}
