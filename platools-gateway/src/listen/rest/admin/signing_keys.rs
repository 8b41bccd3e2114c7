//! The routes of `/v1/signing-keys`, which list and rotate the keys that sign tokens.

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::SigningKey;
use crate::dto::SigningKeyDto;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Body;
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;

/// The keys that verify tokens, the one that signs first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKeys)]
pub(super) struct SigningKeyList {
    keys: Vec<SigningKeyDto>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SigningKeyRotation {
    /// The time for which tokens of the earlier keys stay valid, in seconds. Default: 0.
    grace_seconds: Option<u64>,
}

/// List the keys that verify tokens. Only for admins of the project `default/default`.
#[utoipa::path(get, path = "/v1/signing-keys", tag = "directory",
    responses((status = 200, body = SigningKeyList), (status = "4XX", body = Problem)))]
pub(super) async fn list(administrator: Administrator) -> Result<Json<SigningKeyList>, ErrorView> {
    Ok(Json(administrator.directory()?.signing_keys().await?.into()))
}

/// Make a new key that signs tokens from now on. Tokens signed before are good until the end of the grace time. Only for admins of
/// the project `default/default`.
#[utoipa::path(post, path = "/v1/signing-keys/rotate", tag = "directory", request_body = SigningKeyRotation,
    responses((status = 200, body = SigningKeyList), (status = "4XX", body = Problem)))]
pub(super) async fn rotate(
    administrator: Administrator,
    Body(rotation): Body<SigningKeyRotation>,
) -> Result<Json<SigningKeyList>, ErrorView> {
    let grace = Duration::from_secs(rotation.grace_seconds.unwrap_or_default());
    Ok(Json(administrator.directory()?.rotate_signing_key(grace).await?.into()))
}

impl From<Vec<SigningKey>> for SigningKeyList {
    fn from(keys: Vec<SigningKey>) -> Self {
        Self { keys: keys.into_iter().map(SigningKeyDto::from).collect() }
    }
}
