//! The routes of `/v1/signing-keys`.

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::SigningKeyView;
use crate::dto::SigningKeyDto;
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;

/// The keys that verify tokens, the one that signs first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SigningKeys {
    keys: Vec<SigningKeyDto>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SigningKeyRotation)]
pub(super) struct Rotation {
    /// The time for which tokens of the earlier keys stay valid, in seconds. Default: 0.
    grace_seconds: Option<u64>,
}

/// List the keys that verify tokens. Only for admins of the project `default/default`.
#[utoipa::path(get, path = "/v1/signing-keys", tag = "directory",
    responses((status = 200, body = SigningKeys), (status = "4XX", body = Problem)))]
pub(super) async fn list(administrator: Administrator) -> Result<Json<SigningKeys>, Problem> {
    Ok(Json(administrator.directory()?.signing_keys().await?.into()))
}

/// Make a new key that signs tokens from now on. Tokens signed before are good until the end of the grace time. Only for admins of
/// the project `default/default`.
#[utoipa::path(post, path = "/v1/signing-keys/rotate", tag = "directory", request_body = Rotation,
    responses((status = 200, body = SigningKeys), (status = "4XX", body = Problem)))]
pub(super) async fn rotate(
    administrator: Administrator,
    Body(rotation): Body<Rotation>,
) -> Result<Json<SigningKeys>, Problem> {
    let grace = Duration::from_secs(rotation.grace_seconds.unwrap_or_default());
    Ok(Json(administrator.directory()?.rotate_signing_key(grace).await?.into()))
}

impl From<Vec<SigningKeyView>> for SigningKeys {
    fn from(keys: Vec<SigningKeyView>) -> Self {
        Self { keys: keys.into_iter().map(SigningKeyDto::from).collect() }
    }
}
