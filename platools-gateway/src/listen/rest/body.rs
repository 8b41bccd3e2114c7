//! The body of a request.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::problem::{Problem, invalid};
use crate::core::Core;
use crate::listen::{Unread, read_text};

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
    // A derived type also takes a list of its fields, which nobody means to send.
    if !text.trim_start().starts_with('{') {
        return Err(invalid("the body must be a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| invalid(format!("the body is not what is expected here: {error}")))
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        let detail = unread.to_string();
        match unread {
            Unread::TooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, "upload_timeout", detail),
            Unread::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail),
            Unread::BrokenOff(_) | Unread::NotText(_) => invalid(detail),
        }
    }
}
