//! How an agent answers.

use serde::{Deserialize, Serialize};

/// How an agent answers. An empty one answers commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Profile {
    /// What thinks. Default: nothing, it answers commands.
    pub kind: Kind,
    /// The model, by the name its endpoint knows it by. Default: the gateway's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the model is told before anything else. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The names of the tools it may call. Default: all that its caller may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The environment its tools are in, by slug or id. Default: development.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// What thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Nothing: commands name a tool and its arguments.
    #[default]
    Command,
    /// A language model.
    Model,
}

impl Kind {
    /// The kind as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Model => "model",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Command, Self::Model].into_iter().find(|kind| kind.as_str() == name)
    }
}
