//! [`Secret`]: holds a secret, or the place to read the secret from: an environment variable, a file or a function.

use std::env::VarError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::error::{Error, ErrorKind};
use crate::scoped_task::run_scoped;

/// The length from which a secret is looked for in texts.
const MIN_REDACTED_BYTES: usize = 6;

/// A worker's secret or a caller's token, or where to read it.
///
/// It is asked for anew each time a socket is dialled, so that a rotated secret is picked up without a restart. `Debug`
/// never shows it.
///
/// ```
/// use platools_transport::Secret;
///
/// let fixed = Secret::value("platos_agent_...");
/// let mounted = Secret::file("/run/secrets/platos");
/// # #[derive(Clone)]
/// # struct Vault;
/// # impl Vault {
/// #     async fn read(&self, _: &str) -> std::io::Result<String> { Ok("from a vault".to_owned()) }
/// # }
/// # let vault = Vault;
/// let fetched = Secret::provider(async move || vault.read("platos").await);
/// # let _ = (fixed, mounted, fetched);
/// ```
#[derive(Clone)]
pub struct Secret(SecretSource);

#[derive(Clone)]
enum SecretSource {
    Value(SecretString),
    Env(String),
    File(PathBuf),
    Provider(Arc<dyn Fn() -> BoxFuture<'static, Result<SecretString, Error>> + Send + Sync>),
}

impl Secret {
    /// A fixed secret.
    pub fn value(secret: impl Into<String>) -> Self {
        Self(SecretSource::Value(SecretString::from(secret.into())))
    }

    /// An environment variable.
    pub fn env(name: impl Into<String>) -> Self {
        Self(SecretSource::Env(name.into()))
    }

    /// A file, whose content is the secret but for white space around it.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self(SecretSource::File(path.as_ref().to_owned()))
    }

    /// The secret that an async function or closure returns, which is cloned for each call.
    pub fn provider<F, Fut, E>(provider: F) -> Self
    where
        F: FnOnce() -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self(SecretSource::Provider(Arc::new(move || {
            let secret = provider.clone()();
            Box::pin(async move {
                let secret = secret.await;
                secret.map(SecretString::from).map_err(|error| invalid("the secret provider failed").with_source(error))
            })
        })))
    }

    /// Checks, as far as that can be done at once, that there is a secret.
    pub fn check(&self) -> Result<(), Error> {
        match &self.0 {
            SecretSource::Value(secret) => usable(secret.clone(), "the client's setting").map(drop),
            SecretSource::Env(name) => read_env(name).map(drop),
            SecretSource::File(path) => in_file(path, std::fs::read_to_string(path)).map(drop),
            SecretSource::Provider(_) => Ok(()),
        }
    }

    /// Returns a copy whose provider runs in that runtime.
    pub fn within(&self, runtime: &Handle) -> Self {
        let SecretSource::Provider(provider) = &self.0 else { return self.clone() };
        let (provider, runtime) = (Arc::clone(provider), runtime.clone());
        Self(SecretSource::Provider(Arc::new(move || {
            let (provider, runtime) = (Arc::clone(&provider), runtime.clone());
            Box::pin(async move {
                let secret = run_scoped(&runtime, async move { provider().await }).await;
                secret.unwrap_or_else(|| Err(invalid("the secret provider ended with its runtime")))
            })
        })))
    }

    /// The secret as it is now.
    pub async fn read(&self) -> Result<SecretString, Error> {
        match &self.0 {
            SecretSource::Value(secret) => usable(secret.clone(), "the client's setting"),
            SecretSource::Env(name) => read_env(name),
            SecretSource::File(path) => in_file(path, tokio::fs::read_to_string(path).await),
            SecretSource::Provider(provider) => usable(provider().await?, "the secret provider"),
        }
    }
}

fn read_env(name: &str) -> Result<SecretString, Error> {
    match std::env::var(name) {
        Ok(secret) => usable(secret.into(), name),
        Err(VarError::NotPresent) => Err(invalid(format!("the secret is not in the environment; set {name}"))),
        // The error would show the value.
        Err(VarError::NotUnicode(_)) => Err(invalid(format!("the secret in {name} is not UTF-8"))),
    }
}

fn in_file(path: &Path, content: std::io::Result<String>) -> Result<SecretString, Error> {
    let path = path.display();
    let content =
        content.map_err(|error| invalid(format!("the secret file {path} cannot be read")).with_source(error))?;
    usable(content.into(), &path.to_string())
}

/// The header that carries a secret. Requests with it are written by `hyper`, which logs none, and its `Debug` hides the value.
pub fn bearer(secret: &SecretString) -> Result<HeaderValue, Error> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret())).map_err(|_| {
        Error::new(
            ErrorKind::InvalidSecret,
            "the secret cannot be sent in a header; use printable ASCII without spaces",
        )
    })?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// Text of the other side without the secret, which some repeat when they refuse it. A shorter one than any real secret stays: it would
/// be found inside of words.
pub fn redact(text: &str, secret: &SecretString) -> String {
    let secret = secret.expose_secret();
    if secret.len() < MIN_REDACTED_BYTES { text.to_owned() } else { text.replace(secret, "...") }
}

/// A secret that can be sent in a header.
fn usable(secret: SecretString, place: &str) -> Result<SecretString, Error> {
    let trimmed = secret.expose_secret().trim();
    if trimmed.is_empty() {
        return Err(invalid(format!("the secret from {place} is empty")));
    }
    if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
        let rule = "only printable ASCII without spaces can be sent in a header";
        return Err(invalid(format!("the secret from {place} has other characters: {rule}")));
    }
    Ok(SecretString::from(trimmed))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidSecret, message)
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::value(secret)
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::value(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            SecretSource::Value(_) => f.write_str("Secret(value)"),
            SecretSource::Env(name) => write!(f, "Secret(env {name})"),
            SecretSource::File(path) => write!(f, "Secret(file {})", path.display()),
            SecretSource::Provider(_) => f.write_str("Secret(provider)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_unsendable_secret_is_found_early_and_never_shown() {
        for secret in ["", " \n", "two\nlines", "ümlaut"] {
            let error = Secret::value(secret).check().expect_err(secret);
            assert_eq!(error.kind(), ErrorKind::InvalidSecret);
            assert!(secret.trim().is_empty() || !format!("{error:?}").contains(secret));
        }
        assert!(!format!("{:?}", Secret::value("hunter2")).contains("hunter2"));
    }

    #[test]
    fn a_missing_source_is_named() {
        let error = Secret::env("PLATOOLS_NO_SUCH_VARIABLE").check().expect_err("it is not set");
        assert!(error.to_string().contains("PLATOOLS_NO_SUCH_VARIABLE"));
        let error = Secret::file("/no/such/file").check().expect_err("it is not there");
        assert!(error.to_string().contains("/no/such/file"));
    }

    #[test]
    fn a_secret_that_is_repeated_is_redacted() {
        assert_eq!(redact("hunter2 is not hunter2!", &"hunter2".into()), "... is not ...!");
        assert_eq!(redact("unknown secret", &"s".into()), "unknown secret");
    }

    #[tokio::test]
    async fn a_file_and_a_provider_are_read_anew_each_time() {
        let path = std::env::temp_dir().join(format!("platools-secret-{}", std::process::id()));
        let secret = Secret::file(&path);
        for content in ["one\n", "two"] {
            std::fs::write(&path, content).expect("a temporary file can be written");
            assert_eq!(secret.read().await.expect("it is there").expose_secret(), content.trim());
        }
        std::fs::remove_file(&path).expect("it can be removed");
        let reason = "the vault is sealed".to_owned();
        let failing = Secret::provider(async move || Err::<String, _>(reason));
        assert!(failing.read().await.is_err(), "the first time");
        let error = failing.read().await.expect_err("it fails");
        assert_eq!(std::error::Error::source(&error).expect("the cause").to_string(), "the vault is sealed");
    }
}
