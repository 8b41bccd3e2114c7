//! [`Problems`]: collects the arguments of a call that do not fit a tool's types, and makes one error of them. `rule/problem.rs` describes
//! violations of a schema.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::rule::Path;
use crate::tool::error::{ToolError, code};

/// The number of problems that a message lists; further ones are counted. A caller with that many misunderstood the tool as a whole.
const MAX_TOLD: usize = 32;

/// Collects what is wrong, argument by argument.
#[derive(Debug, Default)]
pub struct Problems {
    told: Vec<Problem>,
    /// The number of further problems.
    more: usize,
    /// The arguments that any of them is about.
    arguments: HashSet<String>,
}

#[derive(Debug)]
struct Problem {
    path: Path,
    message: String,
}

impl Problems {
    /// Something is wrong with an argument; `within` has the names and indexes that lead to the place in its value, none for the whole.
    pub(super) fn add(&mut self, argument: &str, within: &[String], message: impl Into<String>) {
        if !self.arguments.contains(argument) {
            self.arguments.insert(argument.to_owned());
        }
        if self.is_full() {
            self.more += 1;
            return;
        }
        let path = Path([&[argument.to_owned()], within].concat());
        self.told.push(Problem { path, message: message.into() });
    }

    /// Has the problems say which form the text at a path has to have.
    pub(super) fn explain(&mut self, form_at: impl Fn(&Path) -> Option<&'static str>) {
        for problem in &mut self.told {
            if let Some(form) = form_at(&problem.path) {
                problem.message = format!("it must be {form}: {}", problem.message);
            }
        }
    }

    /// Returns true if further problems are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.told.len() >= MAX_TOLD
    }

    /// Returns true if a problem concerns the argument.
    pub(super) fn concern(&self, argument: &str) -> bool {
        self.arguments.contains(argument)
    }

    /// Returns true if there is no problem.
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Makes an error that names the problems.
    pub(super) fn into_error(self) -> ToolError {
        let mut lines: Vec<_> =
            self.told.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
        if self.more > 0 {
            lines.push(format!("and {} more", self.more));
        }
        let details: Vec<Value> = self
            .told
            .iter()
            .map(|problem| json!({"path": problem.path.pointer(), "message": problem.message}))
            .collect();
        ToolError::new(format!("invalid arguments: {}", lines.join("; ")))
            .with_code(code::INVALID_ARGUMENTS)
            .with_details(json!({ "problems": details }))
    }
}
