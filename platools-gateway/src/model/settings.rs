//! Functions of [`ModelSettings`] that check the URL and the key of the endpoint, and make them parts of a request.

use hyper::Uri;
use hyper::header::HeaderValue;
use secrecy::ExposeSecret as _;

use crate::domain::error::{Error, ErrorKind};
use crate::settings::{ModelSettings, http_url};

/// The variable that has the key.
const KEY_VARIABLE: &str = "PLATOOLS_GATEWAY_MODEL_KEY";

impl ModelSettings {
    /// Checks the URL and the key, without a request.
    ///
    /// # Errors
    /// The URL is not an HTTP URL or has a password, a query or a fragment, or the key cannot be sent.
    pub fn check(&self) -> Result<(), Error> {
        self.completions()?;
        self.authorization().map(drop)
    }

    /// The URL of completions.
    pub(super) fn completions(&self) -> Result<Uri, Error> {
        let url = self.url.as_deref().unwrap_or_default();
        http_url("model.url", url, "https://api.openai.com/v1", KEY_VARIABLE)?;
        let completions = format!("{}/chat/completions", url.trim_end_matches('/'));
        completions.parse().map_err(|_| Error::new(ErrorKind::NotConfigured, "`model.url` is too long for a URL"))
    }

    /// The header with the key, if there is one.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        let Some(key) = &self.key else { return Ok(None) };
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).map_err(|_| {
            let message = format!("the model's key has characters that no header takes; check {KEY_VARIABLE}");
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
            ("secret", "is not an HTTP URL"),
            ("secret.example.com/v1", "is not an HTTP URL"),
            ("ftp://secret.example.com", "is not an HTTP URL"),
            ("http://secret.example.com/#a", "is not an HTTP URL"),
            ("http://secret example.com", "is not an HTTP URL"),
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
        let settings = |key: &str| ModelSettings::new("http://a").with(|model| model.key = Some(key.to_owned().into()));
        assert!(!format!("{:?}", settings("hush")).contains("hush"));
        assert!(!format!("{:?}", settings("hush").authorization().unwrap()).contains("hush"));
        let error = format!("{:?}", settings("hush\n").check().unwrap_err());
        assert!(error.contains("PLATOOLS_GATEWAY_MODEL_KEY") && !error.contains("hush"), "{error}");
    }
}
