//! [`ToolMemory`]: remembers the tools that an endpoint refused, from one run of an agent to the next. A refused tool is sent in a plainer
//! [`ToolForm`] next time: first without `strict`, and then not at all. A warning in the log about such a tool appears once.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use platools::tool::Dialect;

use crate::domain::digest::sha256;
use crate::domain::error::Error;
use crate::domain::lock::lock;
use crate::tools::NamedTool;

/// Remembers tools between runs.
#[derive(Debug, Default)]
pub(super) struct ToolMemory {
    /// The forms of the tools that an endpoint refused, by model and declaration.
    forms: Mutex<HashMap<String, ToolForm>>,
    /// The declarations and lists of tools that were logged.
    logged: Mutex<HashSet<String>>,
}

impl ToolMemory {
    /// The form in which a model is shown a tool.
    pub(super) fn form(&self, model: &str, tool: &NamedTool) -> ToolForm {
        let forms = lock(&self.forms);
        forms.get(&form_key(model, tool)).copied().unwrap_or_default()
    }

    pub(super) fn set_form(&self, model: &str, tool: &NamedTool, form: ToolForm) {
        let mut forms = lock(&self.forms);
        if forms.len() >= MAX_ENTRIES {
            forms.clear();
        }
        forms.insert(form_key(model, tool), form);
    }

    /// Logs that models are not shown a tool, once for each declaration of it.
    pub(super) fn log_hidden(&self, tool: &NamedTool, error: &Error) {
        if self.is_first(format!("{}/{}", tool.tool.identity.entity_id, tool.tool.fingerprint)) {
            let (entity, name) = (&tool.tool.identity.entity, &tool.tool.declaration.name);
            tracing::warn!(tool.name = name, entity, %error, "tool not shown to the model; correct its input schema");
        }
    }

    /// Logs the tools past the number that a model takes, once for each list of them.
    pub(super) fn log_surplus(&self, count: usize, limit: usize, surplus: &[&NamedTool]) {
        let mut names: Vec<_> = surplus.iter().map(|tool| tool.handle.as_str()).collect();
        // Lists may be long.
        if self.is_first(sha256(&format!("{limit}/{}", names.join(" ")))) {
            names.truncate(MAX_NAMES);
            let (names, further) = (names.join(", "), surplus.len() - names.len());
            tracing::warn!(
                tools = count,
                limit,
                left_out = names,
                further,
                "tools past `model.max_tools` were not shown to the model; name those that the agent needs in its profile with \
                 `agent change AGENT --tool NAME`, or raise the setting if the endpoint takes more"
            );
        }
    }

    fn is_first(&self, record: String) -> bool {
        let mut logged = lock(&self.logged);
        if logged.len() >= MAX_ENTRIES {
            logged.clear();
        }
        logged.insert(record)
    }
}

/// The form of a tool that a model is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ToolForm {
    /// Strict, if the schema has such a form.
    #[default]
    Strict,
    /// Without `strict`.
    NonStrict,
    /// The model is not shown the tool.
    Hidden,
}

impl ToolForm {
    /// The next form to try.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Strict => Self::NonStrict,
            Self::NonStrict | Self::Hidden => Self::Hidden,
        }
    }

    pub(super) fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Strict => Some(Dialect::OpenAi),
            Self::NonStrict => Some(Dialect::OpenAiNonStrict),
            Self::Hidden => None,
        }
    }
}

/// The most entries of each table. With more, the table starts again, which costs a refused request or a repeated line for each tool.
const MAX_ENTRIES: usize = 10_000;

/// The names of tools in one line of the log; the others are counted.
const MAX_NAMES: usize = 20;

/// The key of a form. A changed declaration of a tool is tried anew.
fn form_key(model: &str, tool: &NamedTool) -> String {
    format!("{model}/{}/{}", tool.tool.identity.entity_id, tool.tool.fingerprint)
}
