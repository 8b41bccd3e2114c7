//! [`FeedJwt`]: the application's own tokens, which dashboards may come with.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use platools_gateway::domain::project::ProjectName;
use platools_gateway::feed::JwtAuth;
use serde::{Deserialize, Serialize};

/// The variable that may have the secret itself. Files of settings and flags may not: they are read by too many.
const SECRET: &str = "PLATOOLS_GATEWAY_FEED_JWT_SECRET";

/// The claim with the user's id, by default.
const USER_CLAIM: &str = "userId";

/// The settings of the application's own tokens, as far as they were given.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenFeedJwt {
    /// File with the secret that the application signs its users' tokens with (JWT, HS256); dashboards may come with those tokens then.
    /// PLATOOLS_GATEWAY_FEED_JWT_SECRET has the secret itself instead. Default: none.
    #[arg(id = "feed-jwt-secret-file", long, value_name = "FILE", env = "PLATOOLS_GATEWAY_FEED_JWT_SECRET_FILE")]
    secret_file: Option<PathBuf>,
    /// Claim of those tokens with the user's id. Default: userId.
    #[arg(id = "feed-jwt-user-claim", long, value_name = "NAME", env = "PLATOOLS_GATEWAY_FEED_JWT_USER_CLAIM")]
    user_claim: Option<String>,
    /// Issuer (`iss`) that those tokens must have. Default: any.
    #[arg(id = "feed-jwt-issuer", long, value_name = "TEXT", env = "PLATOOLS_GATEWAY_FEED_JWT_ISSUER")]
    issuer: Option<String>,
    /// Audience (`aud`) that those tokens must have. Default: they must have none.
    #[arg(id = "feed-jwt-audience", long, value_name = "TEXT", env = "PLATOOLS_GATEWAY_FEED_JWT_AUDIENCE")]
    audience: Option<String>,
    /// Project of those users' agents. Default: default/default.
    #[arg(
        id = "feed-jwt-project",
        long,
        value_name = "ORGANIZATION/PROJECT",
        env = "PLATOOLS_GATEWAY_FEED_JWT_PROJECT"
    )]
    project: Option<String>,
}

/// The application's own tokens. The secret is in a file or in the environment, and never here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FeedJwt {
    /// File with the secret. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<PathBuf>,
    /// Claim with the user's id. Default: `userId`.
    user_claim: String,
    /// Issuer that tokens must have. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Audience that tokens must have. Default: they must have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    /// Project of the users' agents. Default: default/default.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
}

impl Default for FeedJwt {
    fn default() -> Self {
        Self { secret_file: None, user_claim: USER_CLAIM.to_owned(), issuer: None, audience: None, project: None }
    }
}

impl FeedJwt {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The check of the application's tokens, if there is a secret for it.
    ///
    /// # Errors
    /// The secret or a name cannot be used, or there is no secret for the other settings.
    pub(super) fn auth(&self) -> anyhow::Result<Option<JwtAuth>> {
        self.auth_with(std::env::var(SECRET).ok())
    }

    fn auth_with(&self, secret: Option<String>) -> anyhow::Result<Option<JwtAuth>> {
        let file = self.secret_file.as_deref().filter(|file| !file.as_os_str().is_empty());
        let auth = match (file, secret.filter(|secret| !secret.is_empty())) {
            (Some(_), Some(_)) => {
                bail!(
                    "the application's secret is in {SECRET}, and `feed.jwt.secret_file` names a file with it; take one of both away"
                )
            }
            (Some(file), None) => JwtAuth::from_file(file).context("`feed.jwt.secret_file` cannot be used")?,
            (None, Some(secret)) => JwtAuth::new(&secret.into()).with_context(|| format!("{SECRET} cannot be used"))?,
            (None, None) => {
                let is_alone = Self { secret_file: None, ..self.clone() } == Self::default();
                ensure!(is_alone, "`feed.jwt` has settings and no secret; add `feed.jwt.secret_file` or {SECRET}");
                return Ok(None);
            }
        };
        self.configured(auth).map(Some)
    }

    fn configured(&self, auth: JwtAuth) -> anyhow::Result<JwtAuth> {
        ensure!(
            !self.user_claim.is_empty(),
            "`feed.jwt.user_claim` is empty; it takes the name of a claim, such as {USER_CLAIM}"
        );
        let auth = auth.user_claim(&self.user_claim);
        let is_said = |text: &&String| !text.is_empty();
        let auth = self.issuer.iter().filter(is_said).fold(auth, JwtAuth::issuer);
        let auth = self.audience.iter().filter(is_said).fold(auth, JwtAuth::audience);
        match self.project.as_ref().filter(is_said) {
            Some(project) => {
                let project: ProjectName = project.parse().context("`feed.jwt.project` cannot be used")?;
                Ok(auth.project(project))
            }
            None => Ok(auth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<String> {
        Some(text.repeat(8))
    }

    fn error(jwt: &FeedJwt, secret: Option<String>) -> String {
        format!("{:#}", jwt.auth_with(secret).unwrap_err())
    }

    #[test]
    fn the_secret_has_one_place_and_is_not_shown() {
        let jwt = FeedJwt::default();
        assert!(jwt.auth_with(None).unwrap().is_none() && jwt.auth_with(Some(String::new())).unwrap().is_none());
        let shown = format!("{:?} {jwt:?}", jwt.auth_with(secret("hush")).unwrap().unwrap());
        assert!(!shown.contains("hush") && shown.contains("userId"), "{shown}");
        let both = FeedJwt { secret_file: Some("/k".into()), ..FeedJwt::default() };
        let refused = error(&both, secret("hush"));
        assert!(refused.contains("take one of both away") && !refused.contains("hush"), "{refused}");
        let short = error(&FeedJwt::default(), Some("hush".to_owned()));
        assert!(short.contains(SECRET) && short.contains("at least 32") && !short.contains("hush"), "{short}");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (jwt, part) in [
            (FeedJwt { user_claim: String::new(), ..FeedJwt::default() }, "`feed.jwt.user_claim`"),
            (FeedJwt { project: Some("acme".to_owned()), ..FeedJwt::default() }, "`feed.jwt.project`"),
        ] {
            let refused = error(&jwt, secret("hush"));
            assert!(refused.contains(part), "{refused}");
        }
        let alone = FeedJwt { audience: Some("a".to_owned()), ..FeedJwt::default() };
        assert!(error(&alone, None).contains("add `feed.jwt.secret_file`"));
        let project = FeedJwt { project: Some("acme/shop".to_owned()), ..FeedJwt::default() };
        assert!(format!("{:?}", project.auth_with(secret("hush")).unwrap()).contains("acme"));
    }
}
