//! [`ArgumentProblem`]: describes one violation of a tool's schema for the model that wrote the arguments.

use std::collections::BTreeSet;
use std::fmt;

use jsonschema::paths::Location;
use serde_json::json;

use super::violation_texts::shortened;
use crate::tool::error::{ToolError, code};

/// The most problems that are told. A sender with more of them has misunderstood the tool as a whole.
const MAX_PROBLEMS: usize = 32;

/// A value in the arguments, by the names and indexes that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tool::arguments) struct Path(pub(in crate::tool::arguments) Vec<String>);

impl Path {
    pub(super) fn of(location: &Location) -> Self {
        // Not by the segments of the location: those leave out empty names, and take names of digits for indexes.
        let tokens = location.as_str().split('/').skip(1);
        Self(tokens.map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
    }

    /// The value that this one was made a list of; `None` for the first item of a list that was sent as one.
    pub(super) fn wrapped_in(&self, wrapped: &BTreeSet<Path>) -> Option<Path> {
        let (last, parent) = self.0.split_last()?;
        let parent = Path(parent.to_vec());
        (last == "0" && wrapped.contains(&parent)).then_some(parent)
    }

    /// The JSON pointer to the value.
    pub(in crate::tool::arguments) fn pointer(&self) -> String {
        let tokens = self.0.iter().map(|token| token.replace('~', "~0").replace('/', "~1"));
        tokens.map(|token| format!("/{token}")).collect()
    }

    pub(super) fn join(mut self, name: &str) -> Self {
        self.0.push(name.to_owned());
        self
    }
}

/// Names joined by points, and indexes in brackets: `lines[1].sku`. Empty for the arguments as a whole.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            match token {
                index if position > 0 && index.parse::<usize>().is_ok() => write!(f, "[{index}]")?,
                name if position == 0 => f.write_str(&shortened(name))?,
                name => write!(f, ".{}", shortened(name))?,
            }
        }
        Ok(())
    }
}

/// A problem with arguments. `Display` has the value's names and the message: `lines[1].n: it is required and missing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentProblem {
    path: Path,
    message: String,
}

impl ArgumentProblem {
    pub(super) fn new(path: Path, message: impl Into<String>) -> Self {
        Self { path, message: message.into() }
    }

    /// A problem with the text as a whole.
    pub(super) fn of_whole(error: &serde_json::Error) -> Self {
        let is_too_deep = error.to_string().starts_with("recursion limit");
        let message = match is_too_deep {
            true => "they are nested too deeply: at most 127 lists and objects within each other are read".to_owned(),
            false => format!("they cannot be read as JSON: {error}"),
        };
        Self { path: Path(Vec::new()), message }
    }

    /// The value that is wrong or missing, as a JSON pointer into the arguments.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.path.pointer()
    }

    /// The problem and, where it can be told, the remedy.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ArgumentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.0.is_empty() {
            true => write!(f, "arguments: {}", self.message),
            false => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// Arguments that do not fit the schema of their tool. `Display` names the problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidArguments {
    problems: Vec<ArgumentProblem>,
    more: usize,
    is_explained: bool,
}

impl InvalidArguments {
    /// The problems, the first 32 of them.
    #[must_use]
    pub fn problems(&self) -> &[ArgumentProblem] {
        &self.problems
    }

    /// True if the problems say where in the arguments they are.
    pub(crate) fn is_explained(&self) -> bool {
        self.is_explained
    }

    /// Arguments that cannot be read.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        Self { problems: vec![ArgumentProblem::of_whole(error)], more: 0, is_explained: true }
    }

    /// Arguments with more values than memory should be spent on.
    pub(super) fn too_many_to_explain() -> Self {
        let message = "they do not fit the tool's schema, and have too many values to say where; send fewer".to_owned();
        Self { problems: vec![ArgumentProblem { path: Path(Vec::new()), message }], more: 0, is_explained: false }
    }

    /// Notes problems, and the number of those that are only counted. Those past the limit are counted, too.
    pub(super) fn add(&mut self, problems: Vec<ArgumentProblem>, more: usize) {
        let over = problems.len().saturating_sub(self.room());
        self.problems.extend(problems.into_iter().take(self.room()));
        self.more += more + over;
    }

    /// The number of problems that can be told still.
    pub(super) fn room(&self) -> usize {
        MAX_PROBLEMS - self.problems.len()
    }

    /// No problem yet, of those that say where they are.
    pub(super) fn explained() -> Self {
        Self { problems: Vec::new(), more: 0, is_explained: true }
    }
}

impl fmt::Display for InvalidArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid arguments: ")?;
        for (position, problem) in self.problems.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidArguments {}

impl InvalidArguments {
    /// The failure of a call, with the code [`INVALID_ARGUMENTS`](code::INVALID_ARGUMENTS) and each problem in its details.
    pub(crate) fn into_tool_error(self) -> ToolError {
        let problems = self.problems.iter();
        let details: Vec<_> =
            problems.map(|problem| json!({"path": problem.pointer(), "message": problem.message})).collect();
        ToolError::new(self.to_string()).with_code(code::INVALID_ARGUMENTS).with_details(json!({ "problems": details }))
    }
}
