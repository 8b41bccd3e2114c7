//! [`Known`], [`Calling`], [`Visitor`] and [`Administrator`]: extractors that authenticate the caller of a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::admin::Admin;
use crate::core::Core;
use crate::domain::identity::Caller;
use crate::domain::origin::Protocol;
use crate::listen::http::address_of;
use crate::listen::http::problem::Problem;
use crate::listen::{authenticate, authenticate_and_count};

/// A caller with a good key or token.
///
/// As the first extractor of a handler it also keeps the gateway from reading the body of nobody in particular.
pub(super) struct Known(pub(super) Caller);

impl FromRequestParts<Arc<Core>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        Ok(Self(authenticate_and_count(parts, core, Protocol::Rest).await?))
    }
}

/// A caller with a good key or token who makes a call. Nothing is counted here: the handler counts the call.
pub(super) struct Calling(pub(super) Caller);

impl FromRequestParts<Arc<Core>> for Calling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        Ok(Self(authenticate(parts, core, Protocol::Rest).await?))
    }
}

/// Leave for a request that needs no key, counted for the address that it came from.
pub(super) struct Visitor;

impl FromRequestParts<Arc<Core>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        core.limiter.count_request_from(address_of(&parts.extensions))?;
        Ok(Self)
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
        Ok(self.core.admin.of(&self.caller)?)
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
