//! Whose request it is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::problem::Problem;
use crate::core::Core;
use crate::core::admin::Admin;
use crate::core::identity::Caller;
use crate::listen::bearer_token;

/// A caller with a good key or token.
///
/// As the first extractor of a handler it also keeps the gateway from reading the body of nobody in particular.
pub(super) struct Known(pub(super) Caller);

impl FromRequestParts<Arc<Core>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let key = bearer_token(&parts.headers).ok_or_else(|| {
            let detail = "missing key: send the header `Authorization: Bearer <key>`";
            Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
        })?;
        let ConnectInfo(remote) = ConnectInfo::<SocketAddr>::from_request_parts(parts, core)
            .await
            .expect("the server says where every request comes from");
        Ok(Self(core.authenticate(&key, remote.ip()).await?))
    }
}

/// A caller that may administer its project.
pub(super) struct Administrator {
    core: Arc<Core>,
    caller: Caller,
}

impl Administrator {
    /// The directory of the caller's project.
    pub(super) fn directory(&self) -> Result<Admin<'_>, Problem> {
        Ok(self.core.admin(&self.caller)?)
    }
}

impl FromRequestParts<Arc<Core>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let Known(caller) = Known::from_request_parts(parts, core).await?;
        let administrator = Self { core: Arc::clone(core), caller };
        administrator.directory()?;
        Ok(administrator)
    }
}
