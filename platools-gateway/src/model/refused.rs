//! [`RefusedTools`]: remembers which forms of tools an endpoint refused, so that the next run does not send them again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use platools::tool::Dialect;

use crate::tools::NamedTool;

/// Past so many tools the record begins again, which costs a refused request for each of them.
const MAX_TOOLS: usize = 10_000;

/// The form of a tool that a model is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Strict, if the schema has such a form.
    #[default]
    Strict,
    /// Without `strict`.
    NonStrict,
    /// None: the model is not told of the tool.
    Untold,
}

impl Form {
    /// The next form to try.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Strict => Self::NonStrict,
            Self::NonStrict | Self::Untold => Self::Untold,
        }
    }

    pub(super) fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Strict => Some(Dialect::OpenAi),
            Self::NonStrict => Some(Dialect::OpenAiNonStrict),
            Self::Untold => None,
        }
    }
}

/// The forms that are left for the tools that an endpoint refused, by model and declaration.
#[derive(Debug, Default)]
pub(super) struct RefusedTools(Mutex<HashMap<String, Form>>);

impl RefusedTools {
    /// The form in which a model is shown a tool.
    pub(super) fn form(&self, model: &str, tool: &NamedTool) -> Form {
        let forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forms.get(&key(model, tool)).copied().unwrap_or_default()
    }

    pub(super) fn set(&self, model: &str, tool: &NamedTool, form: Form) {
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if forms.len() >= MAX_TOOLS {
            forms.clear();
        }
        forms.insert(key(model, tool), form);
    }
}

/// Another declaration of a tool is tried anew.
fn key(model: &str, tool: &NamedTool) -> String {
    format!("{model}/{}/{}", tool.tool.identity.entity_id, tool.tool.fingerprint)
}
