//! What agents think with.

use std::num::NonZeroU32;

use clap::Args;
use platools_gateway::model::ModelSettings;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::alone;

/// Where the endpoint's key is, and nowhere else: files and flags are read by too many. The first that is there counts.
const KEY_VARIABLES: [&str; 2] = ["PLATOOLS_GATEWAY_MODEL_KEY", "OPENAI_API_KEY"];

/// What was said of what agents think with.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenModel {
    /// Endpoint for chat completions of the OpenAI kind that agents think with, such as https://api.openai.com/v1. Its key is
    /// in PLATOOLS_GATEWAY_MODEL_KEY or OPENAI_API_KEY. Default: none.
    #[arg(id = "model-url", long, value_name = "URL", env = "PLATOOLS_GATEWAY_MODEL_URL")]
    url: Option<String>,
    /// The model of agents whose profile names none. Default: none.
    #[arg(id = "model", long, value_name = "NAME", env = "PLATOOLS_GATEWAY_MODEL")]
    name: Option<String>,
    /// How often a model is asked for one answer; the last time it may call no tools. Default: 16.
    #[arg(id = "model-max-turns", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_MODEL_MAX_TURNS")]
    max_turns: Option<NonZeroU32>,
    /// How many tools a model may call for one answer. Default: 64.
    #[arg(id = "model-max-tool-calls", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_MODEL_MAX_TOOL_CALLS")]
    max_tool_calls: Option<u32>,
    /// How many tools a model is shown. Default: 128.
    #[arg(id = "model-max-tools", long, value_name = "NUMBER", env = "PLATOOLS_GATEWAY_MODEL_MAX_TOOLS")]
    max_tools: Option<NonZeroU32>,
    /// How many tokens a model may write for one answer. Default: as many as it likes.
    #[arg(
        id = "model-max-output-tokens",
        long,
        value_name = "NUMBER",
        env = "PLATOOLS_GATEWAY_MODEL_MAX_OUTPUT_TOKENS"
    )]
    max_output_tokens: Option<NonZeroU32>,
}

/// What agents think with. The endpoint's key is a secret: only the environment has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Model {
    /// The endpoint. Default: none, so that agents cannot think.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The model of agents whose profile names none. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How often a model is asked for one answer. Default: 16.
    max_turns: NonZeroU32,
    /// How many tools it may call for one answer. Default: 64.
    max_tool_calls: u32,
    /// How many tools it is shown. Default: 128.
    max_tools: NonZeroU32,
    /// How many tokens it may write for one answer. Default: as many as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<NonZeroU32>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            url: None,
            name: None,
            max_turns: ModelSettings::MAX_TURNS,
            max_tool_calls: ModelSettings::MAX_TOOL_CALLS,
            max_tools: ModelSettings::MAX_TOOLS,
            max_output_tokens: None,
        }
    }
}

impl Model {
    /// The settings with the key from the environment, if there is an endpoint.
    pub(crate) fn settings(&self) -> Option<ModelSettings> {
        self.settings_with(|name| std::env::var(name).ok())
    }

    fn settings_with(&self, variable: impl Fn(&str) -> Option<String>) -> Option<ModelSettings> {
        let settings = ModelSettings::new(self.url.as_deref()?)
            .max_turns(self.max_turns)
            .max_tool_calls(self.max_tool_calls)
            .max_tools(self.max_tools);
        let key = KEY_VARIABLES.iter().find_map(|name| variable(name).filter(|key| !key.is_empty()));
        let settings = key.map(SecretString::from).into_iter().fold(settings, ModelSettings::key);
        let settings = self.name.iter().fold(settings, ModelSettings::name);
        Some(self.max_output_tokens.into_iter().fold(settings, ModelSettings::max_output_tokens))
    }

    pub(super) fn checked(self) -> anyhow::Result<Self> {
        // An empty one takes back what is said below it.
        let is_said = |text: &String| !text.is_empty();
        let model = Self { url: self.url.filter(is_said), name: self.name.filter(is_said), ..self };
        model.settings().map_or(Ok(()), |settings| settings.check())?;
        Ok(model)
    }
}

impl GivenModel {
    /// The settings of a command without a configuration file.
    ///
    /// # Errors
    /// The URL or the key cannot be used.
    pub(crate) fn complete(self) -> anyhow::Result<Model> {
        alone::<Model>(&self)?.checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_first_that_the_environment_has_and_is_not_shown() {
        let model = Model { url: Some("http://a".to_owned()), ..Model::default() };
        let key = |of: &'static [(&str, &str)]| {
            let find = |name: &str| of.iter().find(|(known, _)| *known == name).map(|(_, key)| (*key).to_owned());
            format!("{:?}", model.settings_with(find).unwrap())
        };
        let both = &[("OPENAI_API_KEY", "hush"), ("PLATOOLS_GATEWAY_MODEL_KEY", "hush")];
        for variables in
            [both.as_slice(), &both[..1], &[("PLATOOLS_GATEWAY_MODEL_KEY", ""), ("OPENAI_API_KEY", "hush")]]
        {
            let shown = key(variables);
            assert!(shown.contains("key: Some") && !shown.contains("hush"), "{shown}");
        }
        assert!(key(&[("PLATOOLS_GATEWAY_MODEL_KEY", "")]).contains("key: None"));
    }

    #[test]
    fn an_empty_url_is_none() {
        let given = GivenModel { url: Some(String::new()), name: Some(String::new()), ..GivenModel::default() };
        assert_eq!(given.complete().unwrap(), Model::default());
        assert!(Model::default().settings().is_none());
    }
}
