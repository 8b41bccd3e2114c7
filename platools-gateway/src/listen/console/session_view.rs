//! [`SessionView`]: the JSON of somebody who is signed in: the rights, and the gateway that they are for.

use serde::Serialize;
use utoipa::ToSchema;

use crate::core::Core;
use crate::domain::error::Error;
use crate::domain::identity::{Caller, Credential, Role};
use crate::domain::ids::EnvironmentId;
use crate::dto::ProjectDto;
use crate::ports::time::rfc3339;

/// Somebody who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    /// `viewer`, `operator` or `admin`.
    #[schema(value_type = String)]
    role: Role,
    #[serde(flatten)]
    project: ProjectDto,
    credential: CredentialView,
    /// The user that the credential is for.
    user_id: Option<String>,
    /// The agent that the credential belongs to.
    agent_id: Option<String>,
    /// The environments that the credential reaches, by slug; all without a list.
    environments: Option<Vec<String>>,
    /// The environment of requests that name none.
    environment: Option<EnvironmentView>,
    /// The version of the gateway.
    version: &'static str,
    /// True of a gateway for development, whose data is removed with it.
    is_development: bool,
    /// True if the gateway is one of several.
    is_clustered: bool,
    /// True if the credential may read the log of the gateway.
    can_read_log: bool,
    /// True if the credential may see the gateways of the installation.
    can_read_cluster: bool,
    /// The latest end of the session.
    expires_at: Option<String>,
}

/// The credential that a session stands for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionCredential)]
struct CredentialView {
    kind: CredentialKind,
    id: String,
    /// The name of a key.
    name: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CredentialKind {
    Key,
    Token,
}

/// An environment, with its kind for people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionEnvironment)]
struct EnvironmentView {
    slug: String,
    kind: EnvironmentKind,
}

/// The kind of an environment, by its slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EnvironmentKind {
    Development,
    Staging,
    Production,
    Other,
}

impl SessionView {
    /// # Errors
    /// The project was removed.
    pub(super) fn of(core: &Core, caller: &Caller, expires_ms: Option<i64>) -> Result<Self, Error> {
        Ok(Self {
            role: caller.role,
            project: core.directory.project(caller)?.into(),
            credential: CredentialView::of(core, &caller.credential),
            user_id: caller.user_id.clone(),
            agent_id: caller.agent_id.as_ref().map(ToString::to_string),
            environments: caller.environments.as_ref().map(|reached| slugs(core, caller, reached)),
            environment: core.directory.environment_of(caller, None).ok().map(|environment| EnvironmentView {
                kind: EnvironmentKind::of(&environment.slug),
                slug: environment.slug,
            }),
            version: env!("CARGO_PKG_VERSION"),
            is_development: core.is_development,
            is_clustered: core.cluster.is_some(),
            can_read_log: core.logs.follow(caller, 0).is_ok(),
            can_read_cluster: core.installation.members(caller).is_ok(),
            expires_at: expires_ms.map(rfc3339),
        })
    }
}

impl CredentialView {
    fn of(core: &Core, credential: &Credential) -> Self {
        let kind = if matches!(credential, Credential::Key(_)) { CredentialKind::Key } else { CredentialKind::Token };
        Self { kind, id: credential.to_string(), name: core.directory.snapshot().name_of(credential) }
    }
}

impl EnvironmentKind {
    fn of(slug: &str) -> Self {
        match slug {
            "development" => Self::Development,
            "staging" => Self::Staging,
            "production" => Self::Production,
            _ => Self::Other,
        }
    }
}

/// The end of a session or its credential, whichever is earlier, if either has one.
pub(super) fn end_of(core: &Core, caller: &Caller, session_ms: Option<i64>) -> Option<i64> {
    let credential_ms = core.directory.snapshot().end_of(&caller.credential);
    session_ms.into_iter().chain(credential_ms).min()
}

/// The slugs of environments of the caller's project.
fn slugs(core: &Core, caller: &Caller, reached: &[EnvironmentId]) -> Vec<String> {
    let snapshot = core.directory.snapshot();
    let environments = snapshot.environments(&caller.project_id).iter();
    environments.filter(|known| reached.contains(&known.id)).map(|known| known.slug.clone()).collect()
}
