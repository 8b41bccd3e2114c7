//! [`AuthenticatedAgent`]: the extractor that authenticates the agent of a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::core::Core;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Authenticated;
use crate::sessions::Peer;

/// An agent with a valid key or token.
///
/// As the first extractor of a handler it also keeps the gateway from reading the bodies of strangers.
pub(super) struct AuthenticatedAgent(pub(super) Peer);

impl FromRequestParts<Arc<Core>> for AuthenticatedAgent {
    type Rejection = ErrorView;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, ErrorView> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, core).await?;
        Ok(Self(core.sessions.peer(caller)?))
    }
}
