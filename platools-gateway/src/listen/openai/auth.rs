//! [`Known`]: the extractor that authenticates the caller of a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::failure::Failure;
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::domain::origin::Protocol;
use crate::listen::authenticate_and_count;

/// A caller with a good key or token.
///
/// As the first extractor of a handler it also keeps the gateway from reading the body of nobody in particular.
pub(super) struct Known(pub(super) Caller);

impl FromRequestParts<Arc<Core>> for Known {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Failure> {
        Ok(Self(authenticate_and_count(parts, core, Protocol::OpenAi).await?))
    }
}
