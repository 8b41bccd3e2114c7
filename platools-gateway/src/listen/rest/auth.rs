//! Whose request it is.

use axum::http::{HeaderMap, StatusCode, header};

use super::problem::Problem;
use crate::core::Core;
use crate::core::identity::Caller;

/// Finds out who calls, from the bearer key.
pub(super) async fn caller(core: &Core, headers: &HeaderMap) -> Result<Caller, Problem> {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let key = key.ok_or_else(|| {
        let detail = "missing key: send the header `Authorization: Bearer <key>`";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    })?;
    Ok(core.authenticate(&key.to_owned().into()).await?)
}

/// The token of a bearer header; the scheme's case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
