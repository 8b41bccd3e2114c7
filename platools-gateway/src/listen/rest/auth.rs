//! Whose request it is.

use axum::http::{HeaderMap, StatusCode};

use super::problem::Problem;
use crate::core::Core;
use crate::core::identity::Caller;
use crate::listen::bearer_token;

/// Finds out who calls, from the bearer key.
pub(super) async fn caller(core: &Core, headers: &HeaderMap) -> Result<Caller, Problem> {
    let key = bearer_token(headers).ok_or_else(|| {
        let detail = "missing key: send the header `Authorization: Bearer <key>`";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    })?;
    Ok(core.authenticate(&key).await?)
}
