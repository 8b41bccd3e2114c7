//! Extractors that the routes of every protocol use: [`Authenticated`] for the caller, [`Path`], [`Query`] and [`Body`] for the parts of a
//! request.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::auth::{authenticate, authenticate_and_count};
use super::body::{BodyOwner, BodyText, parse_object, read_text};
use super::protocol::HttpProtocol;
use super::{ErrorView, address_of};
use crate::core::Core;
use crate::domain::identity::Caller;

/// A caller with a valid key or token.
///
/// As the first extractor of a handler it also keeps the gateway from reading the bodies of strangers.
pub(in crate::listen) struct Authenticated(pub(in crate::listen) Caller);

impl FromRequestParts<Arc<Core>> for Authenticated {
    type Rejection = ErrorView;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, ErrorView> {
        let protocol = protocol_of(&parts.extensions).protocol;
        Ok(Self(authenticate_and_count(parts, core, protocol).await?))
    }
}

/// A caller with a valid key or token who makes a call. Nothing is counted here: the handler counts the call.
pub(in crate::listen) struct AuthenticatedForCall(pub(in crate::listen) Caller);

impl FromRequestParts<Arc<Core>> for AuthenticatedForCall {
    type Rejection = ErrorView;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, ErrorView> {
        let protocol = protocol_of(&parts.extensions).protocol;
        Ok(Self(authenticate(parts, core, protocol).await?))
    }
}

/// Permission for a request that needs no key, counted for the address that it came from.
pub(in crate::listen) struct Anonymous;

impl FromRequestParts<Arc<Core>> for Anonymous {
    type Rejection = ErrorView;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, ErrorView> {
        core.limiter.count_request_from(address_of(&parts.extensions))?;
        Ok(Self)
    }
}

/// The values of the names in a path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ErrorView))]
pub(in crate::listen) struct Path<T>(pub(in crate::listen) T);

/// The values of a query.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ErrorView))]
pub(in crate::listen) struct Query<T>(pub(in crate::listen) T);

/// A body that is one JSON object.
pub(in crate::listen) struct Body<T>(pub(in crate::listen) T);

impl<T: DeserializeOwned> FromRequest<Arc<Core>> for Body<T> {
    type Rejection = ErrorView;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, ErrorView> {
        parse_object(&text_of(request, core).await?).map(Self).map_err(ErrorView::invalid)
    }
}

/// A body that is one JSON object, or left out.
pub(in crate::listen) struct OptionalBody<T>(pub(in crate::listen) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Core>> for OptionalBody<T> {
    type Rejection = ErrorView;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, ErrorView> {
        let text = text_of(request, core).await?;
        if matches!(text.trim(), "" | "null") {
            return Ok(Self(T::default()));
        }
        parse_object(&text).map(Self).map_err(ErrorView::invalid)
    }
}

/// Reads the body of a request, within the limits of its protocol.
async fn text_of(request: Request, core: &Core) -> Result<BodyText, ErrorView> {
    let max_bytes = core.limiter.body_bytes().min(protocol_of(request.extensions()).max_body_bytes);
    let owner = request.extensions().get::<BodyOwner>().map_or_else(String::new, |BodyOwner(owner)| owner.clone());
    Ok(read_text(request.into_body(), core.limiter.body_of(owner), max_bytes).await?)
}

fn protocol_of(extensions: &axum::http::Extensions) -> HttpProtocol {
    extensions.get().copied().unwrap_or(HttpProtocol::REST)
}
