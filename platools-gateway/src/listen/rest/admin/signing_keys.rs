//! `/v1/signing-keys`

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seconds;
use crate::admin;
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;
use crate::listen::rest::body::Body;
use crate::ports::time::rfc3339;

/// A key that signs and verifies tokens, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SigningKey {
    /// The `kid` in the header of each token it signed.
    id: String,
    /// True if it signs new tokens; the others only verify.
    signing: bool,
    /// Time when the gateway made it; none for a key that was supplied.
    created_at: Option<String>,
    /// Time when it stops verifying.
    verifies_until: Option<String>,
}

/// The keys that verify tokens, the one that signs first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SigningKeys {
    keys: Vec<SigningKey>,
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
    Ok(Json(shown(administrator.directory()?.signing_keys().await?)))
}

/// Make a new key that signs tokens from now on. Tokens signed before are good until the end of the grace time. Only for admins of
/// the project `default/default`.
#[utoipa::path(post, path = "/v1/signing-keys/rotate", tag = "directory", request_body = Rotation,
    responses((status = 200, body = SigningKeys), (status = "4XX", body = Problem)))]
pub(super) async fn rotate(
    administrator: Administrator,
    Body(rotation): Body<Rotation>,
) -> Result<Json<SigningKeys>, Problem> {
    let grace = rotation.grace_seconds.map_or(Duration::ZERO, seconds);
    Ok(Json(shown(administrator.directory()?.rotate_signing_key(grace).await?)))
}

fn shown(keys: Vec<admin::SigningKeyView>) -> SigningKeys {
    let key = |key: admin::SigningKeyView| SigningKey {
        id: key.id,
        signing: key.is_signing,
        created_at: key.created_ms.map(rfc3339),
        verifies_until: key.verifies_until_ms.map(rfc3339),
    };
    SigningKeys { keys: keys.into_iter().map(key).collect() }
}
