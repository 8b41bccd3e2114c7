//! [`Known`] and [`KnownCaller`]: extractors that authenticate the agent or the caller of a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::failure::Failure;
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::domain::origin::Protocol;
use crate::listen::authenticate_and_count;
use crate::sessions::Peer;

/// An agent with a good key or token.
///
/// As the first extractor of a handler it also keeps the gateway from reading the body of nobody in particular.
pub(super) struct Known(pub(super) Peer);

impl FromRequestParts<Arc<Core>> for Known {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Failure> {
        let caller = authenticate_and_count(parts, core, Protocol::Runtime).await?;
        Ok(Self(core.sessions.peer(caller)?))
    }
}

/// A caller with a good key or token, whether it belongs to an agent or not.
pub(super) struct KnownCaller(pub(super) Caller);

impl FromRequestParts<Arc<Core>> for KnownCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Failure> {
        Ok(Self(authenticate_and_count(parts, core, Protocol::Runtime).await?))
    }
}
