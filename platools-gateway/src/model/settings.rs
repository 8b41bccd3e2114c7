//! Which model, and how much of it.

use std::num::NonZeroU32;

use hyper::Uri;
use hyper::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::error::{Error, ErrorKind};

/// What is wrong with a URL is not repeated in an error: there may be a password in it.
const NO_URL: &str = "the model's URL is none; it takes one such as \"https://api.openai.com/v1\"";

/// Which model agents think with, and how much of it one run may use.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    pub(super) url: String,
    pub(super) key: Option<SecretString>,
    pub(super) name: Option<String>,
    pub(super) max_turns: NonZeroU32,
    pub(super) max_tool_calls: u32,
    pub(super) max_tools: NonZeroU32,
    pub(super) max_output_tokens: Option<NonZeroU32>,
}

impl ModelSettings {
    /// How often a model is asked in one run, unless another number is set.
    pub const MAX_TURNS: NonZeroU32 = NonZeroU32::new(16).expect("it is not zero");

    /// How many tools a model calls in one run, unless another number is set.
    pub const MAX_TOOL_CALLS: u32 = 64;

    /// How many tools a model is shown, unless another number is set: as many as
    /// [OpenAI](https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools) takes.
    pub const MAX_TOOLS: NonZeroU32 = NonZeroU32::new(128).expect("it is not zero");

    /// A model behind an endpoint for chat completions of the `OpenAI` kind, such as `https://api.openai.com/v1`: what
    /// `/chat/completions` comes after.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            key: None,
            name: None,
            max_turns: Self::MAX_TURNS,
            max_tool_calls: Self::MAX_TOOL_CALLS,
            max_tools: Self::MAX_TOOLS,
            max_output_tokens: None,
        }
    }

    /// What the endpoint lets the gateway in with. Default: nothing.
    #[must_use]
    pub fn key(mut self, key: SecretString) -> Self {
        self.key = Some(key);
        self
    }

    /// The model of agents whose profile names none. Default: none, so that each profile has to name one.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How often the model is asked in one run; the last time it may call no tools. Default: 16.
    #[must_use]
    pub fn max_turns(mut self, turns: NonZeroU32) -> Self {
        self.max_turns = turns;
        self
    }

    /// How many tools it may call in one run. Default: 64.
    #[must_use]
    pub fn max_tool_calls(mut self, calls: u32) -> Self {
        self.max_tool_calls = calls;
        self
    }

    /// How many tools it is shown. Default: 128. Those that a profile names count in its order, otherwise those that were declared first.
    #[must_use]
    pub fn max_tools(mut self, tools: NonZeroU32) -> Self {
        self.max_tools = tools;
        self
    }

    /// How many tokens it may write in one run, as the endpoint counts them. Default: as many as it likes.
    #[must_use]
    pub fn max_output_tokens(mut self, tokens: NonZeroU32) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    /// Checks the URL and the key, without asking anybody.
    ///
    /// # Errors
    /// The URL is none of HTTP or has a password, a query or a fragment in it, or the key cannot be sent.
    pub fn check(&self) -> Result<(), Error> {
        self.completions()?;
        self.authorization().map(drop)
    }

    /// Where completions are asked for.
    pub(super) fn completions(&self) -> Result<Uri, Error> {
        let refused = |message: &str| Error::new(ErrorKind::NotConfigured, message);
        let url: Uri = self.url.parse().map_err(|_| refused(NO_URL))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || self.url.contains('#') {
            return Err(refused(NO_URL));
        }
        let has_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if has_user || url.query().is_some() {
            let message = "the model's URL takes no password and no query; what lets the gateway in belongs into \
                           PLATOOLS_GATEWAY_MODEL_KEY";
            return Err(refused(message));
        }
        format!("{}/chat/completions", self.url.trim_end_matches('/')).parse().map_err(|_| refused(NO_URL))
    }

    /// The header with the key, if there is one.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        let Some(key) = &self.key else { return Ok(None) };
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).map_err(|_| {
            let message = "the model's key has characters that no header takes; check PLATOOLS_GATEWAY_MODEL_KEY";
            Error::new(ErrorKind::NotConfigured, message)
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_of_http_without_secrets_and_is_not_repeated() {
        for url in ["https://api.openai.com/v1", "http://127.0.0.1:11434/v1/", "http://[::1]:1"] {
            ModelSettings::new(url).check().unwrap();
        }
        for (url, part) in [
            ("secret", "is none"),
            ("secret.example.com/v1", "is none"),
            ("ftp://secret.example.com", "is none"),
            ("http://secret.example.com/#a", "is none"),
            ("http://secret example.com", "is none"),
            ("http://user:secret@example.com", "PLATOOLS_GATEWAY_MODEL_KEY"),
            ("http://example.com/v1?key=secret", "PLATOOLS_GATEWAY_MODEL_KEY"),
        ] {
            let error = format!("{:?}", ModelSettings::new(url).check().unwrap_err());
            assert!(error.contains(part) && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn completions_are_below_the_url() {
        for url in ["http://a/v1", "http://a/v1/"] {
            assert_eq!(ModelSettings::new(url).completions().unwrap(), "http://a/v1/chat/completions");
        }
    }

    #[test]
    fn the_key_is_shown_nowhere() {
        let settings = |key: &str| ModelSettings::new("http://a").key(key.to_owned().into());
        assert!(!format!("{:?}", settings("hush")).contains("hush"));
        assert!(!format!("{:?}", settings("hush").authorization().unwrap()).contains("hush"));
        let error = format!("{:?}", settings("hush\n").check().unwrap_err());
        assert!(error.contains("PLATOOLS_GATEWAY_MODEL_KEY") && !error.contains("hush"), "{error}");
    }
}
