//! The body of a request.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::problem::{Problem, invalid};
use crate::core::Core;
use crate::listen::{Unread, parse_object, read_text};

/// A body that is text.
pub(super) struct Text(pub(super) String);

impl FromRequest<Arc<Core>> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Problem> {
        Ok(Self(read_text(request.into_body(), core.limiter().body_bytes()).await?))
    }
}

/// A body that is one JSON object.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Core>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Problem> {
        let Text(text) = Text::from_request(request, core).await?;
        parse(&text).map(Self)
    }
}

/// Reads one JSON object.
pub(super) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    parse_object(text).map_err(invalid)
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        let (status, code) = unread.status_and_code();
        Self::new(status, code, unread.to_string())
    }
}
