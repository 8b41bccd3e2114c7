//! [`ModelSettings`]: the endpoint, the model and the limits of the runs of model agents.

use std::num::NonZeroU32;

use secrecy::SecretString;

use super::section::section;
use super::value::count;

section! {
    /// The language model behind an endpoint for chat completions of the OpenAI kind. See [models](agents.md#models).
    pub struct ModelSettings: "model" titled "Models of agents" {
        /// Endpoint of the model, such as https://api.openai.com/v1. Without one, agents answer commands only.
        pub url: Option<String> = None, shaped("URL"), example("https://api.openai.com/v1"), common();
        /// Key of the endpoint.
        pub key: Option<SecretString> = None, or_variable("OPENAI_API_KEY", true);
        /// Model of agents whose profile names none.
        pub name: Option<String> = None, shaped("NAME"), with_flag("model"), example("gpt-5-mini"), common();
        /// Requests to the model for one answer. The last one may call no tools.
        pub max_turns: NonZeroU32 = count(16);
        /// Tool calls of the model for one answer.
        pub max_tool_calls: u32 = 64;
        /// Tools that the model receives.
        ///
        /// The tools that a profile names come first, in its order, otherwise those that were declared first. OpenAI takes 128.
        pub max_tools: NonZeroU32 = count(128);
        /// Tokens that the model may write for one answer, as the endpoint counts them.
        pub max_output_tokens: Option<NonZeroU32> = None, default_text("no limit"), example("16000");
    }
}

impl ModelSettings {
    /// Settings of a model behind an endpoint, such as `https://api.openai.com/v1`, to which `/chat/completions` is appended.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }
}
