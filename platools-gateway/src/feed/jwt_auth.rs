//! [`JwtAuth`]: accepts dashboards with JSON Web Tokens of an application, by the settings `feed.jwt`. `authority::application_jwt` verifies
//! the tokens.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};

use super::dashboard_auth::{BoxError, DashboardAuth, DashboardRequest, DashboardUser};
use crate::authority::{ApplicationJwtVerifier, ApplicationUser, MIN_APPLICATION_SECRET_BYTES};
use crate::background::log_limit::LogLimit;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::lock::lock;
use crate::domain::project::ProjectName;
use crate::ports::secret_file::is_open_to_all;
use crate::ports::time::now_ms;
use crate::settings::DashboardTokenSettings;

/// The shortest time between two log lines about refused tokens.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// The largest file that is read for a secret.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Accepts JSON Web Tokens that an application signs for its users: HS256, with the application's secret.
///
/// A token needs an `exp`, at which its connections end, and names its user in the claim `userId`, as text or as a whole number. `nbf` is
/// checked with a leeway of one minute. A token with an `aud` is accepted with [`JwtAuth::audience`] only.
///
/// ```
/// use std::sync::Arc;
///
/// use platools_gateway::Gateway;
/// use platools_gateway::feed::JwtAuth;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), platools_gateway::Error> {
/// # let secret = "0123456789abcdef0123456789abcdef".to_owned();
/// let auth = JwtAuth::new(&secret.into())?.user_claim("sub").issuer("https://app.example.com");
/// let gateway = Gateway::builder().dashboard_auth(Arc::new(auth)).start().await?;
/// # gateway.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct JwtAuth {
    tokens: ApplicationJwtVerifier,
    project: ProjectName,
    logged: Arc<Mutex<LogLimit>>,
}

impl JwtAuth {
    /// Accepts tokens that are signed with the bytes of `secret`.
    ///
    /// # Errors
    /// The secret has fewer than 32 bytes, so that it could be found by trying.
    pub fn new(secret: &SecretString) -> Result<Self, Error> {
        let bytes = secret.expose_secret().len();
        if bytes < MIN_APPLICATION_SECRET_BYTES {
            let message = format!(
                "the application's secret for tokens has {bytes} bytes; HS256 takes at least {MIN_APPLICATION_SECRET_BYTES}, or it \
                 can be found by trying. Use a longer one in the application and here, such as that of `openssl rand -hex 32`"
            );
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(Self {
            tokens: ApplicationJwtVerifier::new(secret),
            project: ProjectName::default(),
            logged: Arc::default(),
        })
    }

    /// Accepts tokens that are signed with the text of a file, without white space at its ends. The file is read once.
    ///
    /// # Errors
    /// The file cannot be read, or the secret is too short.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let place = path.display();
        let unreadable = |error: std::io::Error| {
            let message = format!("the file with the application's secret for tokens, {place}, cannot be read");
            Error::new(ErrorKind::InvalidRequest, message).caused_by(error)
        };
        let file = File::open(path).map_err(unreadable)?;
        if is_open_to_all(path) {
            tracing::warn!(file = %place, "every user of the machine can read the application's secret; change that with `chmod o-r`");
        }
        let mut text = String::new();
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(unreadable)?;
        Self::new(&text.trim().to_owned().into())
            .map_err(|error| Error::new(error.kind(), format!("{place} cannot be used: {error}")))
    }

    /// Accepts tokens by the settings. `None` if they name no secret.
    ///
    /// # Errors
    /// The secret or the project cannot be used, there are two secrets, or other settings are there without a secret.
    pub fn from_settings(settings: &DashboardTokenSettings) -> Result<Option<Self>, Error> {
        let refused = |message: &str| Err(Error::new(ErrorKind::NotConfigured, message));
        let auth = match (&settings.secret_file, &settings.secret) {
            (Some(_), Some(_)) => {
                return refused(
                    "the application's secret is in PLATOOLS_GATEWAY_FEED_JWT_SECRET, and `feed.jwt.secret_file` names a file with it; \
                     remove one of the two",
                );
            }
            (Some(file), None) => Self::from_file(file).map_err(|error| unusable("`feed.jwt.secret_file`", error))?,
            (None, Some(secret)) => {
                Self::new(secret).map_err(|error| unusable("PLATOOLS_GATEWAY_FEED_JWT_SECRET", error))?
            }
            (None, None) => {
                let DashboardTokenSettings { user_claim, issuer, audience, project, .. } = settings;
                if [user_claim, issuer, audience, project].into_iter().any(Option::is_some) {
                    return refused(
                        "`feed.jwt` has settings and no secret; add `feed.jwt.secret_file` or PLATOOLS_GATEWAY_FEED_JWT_SECRET",
                    );
                }
                return Ok(None);
            }
        };
        let auth = settings.user_claim.iter().fold(auth, Self::user_claim);
        let auth = settings.issuer.iter().fold(auth, Self::issuer);
        let auth = settings.audience.iter().fold(auth, Self::audience);
        match &settings.project {
            Some(project) => {
                let project = project.parse().map_err(|error| unusable("`feed.jwt.project`", error))?;
                Ok(Some(auth.project(project)))
            }
            None => Ok(Some(auth)),
        }
    }

    /// The claim with the user's id. Default: `userId`.
    #[must_use]
    pub fn user_claim(mut self, name: impl Into<String>) -> Self {
        self.tokens.user_claim = name.into();
        self
    }

    /// Accepts only tokens with this `iss`. Default: tokens with any `iss`, and without one.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.tokens.issuer = Some(issuer.into());
        self
    }

    /// Accepts only tokens with this text in their `aud`. Default: tokens without an `aud`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.tokens.audience = Some(audience.into());
        self
    }

    /// The project of the users' agents. Default: the one that every gateway has, default/default.
    #[must_use]
    pub fn project(mut self, project: ProjectName) -> Self {
        self.project = project;
        self
    }

    fn user(&self, user: ApplicationUser) -> DashboardUser {
        let since_1970 = Duration::from_millis(u64::try_from(user.expires_ms).unwrap_or_default());
        DashboardUser {
            user_id: user.user,
            // A time past the range of the clock is no end.
            expires_at: UNIX_EPOCH.checked_add(since_1970),
            project: Some(self.project.clone()),
        }
    }
}

fn unusable(setting: &str, error: Error) -> Error {
    Error::new(ErrorKind::NotConfigured, format!("{setting} cannot be used: {error}"))
}

impl DashboardAuth for JwtAuth {
    fn check(&self, request: DashboardRequest) -> BoxFuture<'_, Result<Option<DashboardUser>, BoxError>> {
        let verified = self.tokens.verify(&request.token, now_ms());
        if let Err(reason) = &verified
            && lock(&self.logged).admits(LOG_INTERVAL)
        {
            tracing::info!(%reason, "token of the application refused");
        }
        Box::pin(std::future::ready(Ok(verified.ok().map(|user| self.user(user)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(change: impl FnOnce(&mut DashboardTokenSettings)) -> Result<Option<JwtAuth>, String> {
        let mut settings = DashboardTokenSettings::default();
        change(&mut settings);
        JwtAuth::from_settings(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn the_secret_has_one_place_and_is_not_shown() {
        let secret = |text: &str| Some(text.repeat(8).into());
        assert!(configured(|_| ()).unwrap().is_none());
        let shown = format!("{:?}", configured(|settings| settings.secret = secret("hush")).unwrap().unwrap());
        assert!(!shown.contains("hush") && shown.contains("userId"), "{shown}");
        let both = configured(|settings| (settings.secret, settings.secret_file) = (secret("hush"), Some("/k".into())));
        let refused = both.unwrap_err();
        assert!(refused.contains("remove one of the two") && !refused.contains("hush"), "{refused}");
        let short = configured(|settings| settings.secret = Some("hush".to_owned().into())).unwrap_err();
        assert!(short.contains("PLATOOLS_GATEWAY_FEED_JWT_SECRET") && short.contains("at least 32"), "{short}");
        assert!(!short.contains("hush"), "{short}");
    }

    #[test]
    fn settings_that_cannot_be_used_are_named() {
        let of = |project: &str| {
            let (secret, project) = ("hush".repeat(8).into(), project.to_owned());
            configured(|settings| (settings.secret, settings.project) = (Some(secret), Some(project)))
        };
        assert!(of("acme").unwrap_err().contains("`feed.jwt.project`"));
        assert!(format!("{:?}", of("acme/shop").unwrap()).contains("acme"));
        let alone = configured(|settings| settings.audience = Some("a".to_owned()));
        assert!(alone.unwrap_err().contains("add `feed.jwt.secret_file`"));
    }

    #[test]
    fn a_short_secret_is_refused_and_not_repeated() {
        let short = "hush".repeat(7);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, format!("{short}\n")).unwrap();
        for refused in [JwtAuth::new(&short.clone().into()).unwrap_err(), JwtAuth::from_file(&path).unwrap_err()] {
            let message = refused.to_string();
            assert!(
                message.contains("has 28 bytes; HS256 takes at least 32") && !message.contains("hush"),
                "{message}"
            );
        }
        let missing = JwtAuth::from_file(&folder.path().join("nowhere")).unwrap_err().to_string();
        assert!(missing.contains("nowhere"), "{missing}");
    }

    #[tokio::test]
    async fn the_secret_of_a_file_has_no_line_end_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let secret = "hush".repeat(8);
        std::fs::write(&path, format!("{secret}\r\n")).unwrap();
        let auth = JwtAuth::from_file(&path).unwrap();
        assert!(!format!("{auth:?}").contains("hush"));
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        let claims = serde_json::json!({"userId": 7, "exp": now_ms() / 1000 + 60});
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        let user = auth.check(DashboardRequest::new(token.into(), "a")).await.unwrap().unwrap();
        assert_eq!((&*user.user_id, user.project), ("7", Some(ProjectName::default())));
        assert!(user.expires_at.is_some());
        assert_eq!(auth.check(DashboardRequest::new("eyJ".to_owned().into(), "a")).await.unwrap(), None);
    }
}
