//! [`Administrator`]: the extractor for routes of admins. It authenticates the caller, and checks that it may administer its project.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::admin::Admin;
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Authenticated;

/// A caller that may administer its project.
pub(super) struct Administrator {
    core: Arc<Core>,
    caller: Caller,
}

impl Administrator {
    /// The directory of the caller's project.
    pub(super) fn directory(&self) -> Result<Admin<'_>, ErrorView> {
        Ok(self.core.admin.of(&self.caller)?)
    }
}

impl FromRequestParts<Arc<Core>> for Administrator {
    type Rejection = ErrorView;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, ErrorView> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, core).await?;
        let administrator = Self { core: Arc::clone(core), caller };
        administrator.directory()?;
        Ok(administrator)
    }
}
