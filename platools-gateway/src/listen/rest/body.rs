//! [`Body`]: the extractor of a body that is one JSON object.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::core::Core;
use crate::domain::identity::Caller;
use crate::listen::http::problem::{Problem, invalid};
use crate::listen::{BodyOwner, BodyText, parse_object, read_text};

/// Reads the body of a caller's request.
///
/// # Errors
/// It cannot be read, as [`read_text`] has it.
pub(super) async fn read(core: &Core, caller: &Caller, body: axum::body::Body) -> Result<BodyText, Problem> {
    let held = core.limiter.body_of(caller.credential.to_string());
    Ok(read_text(body, held, core.limiter.body_bytes()).await?)
}

/// A body that is one JSON object.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Core>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Problem> {
        let sender = request.extensions().get::<BodyOwner>().cloned();
        let held = core.limiter.body_of(sender.map_or_else(String::new, |BodyOwner(credential)| credential));
        parse(&read_text(request.into_body(), held, core.limiter.body_bytes()).await?).map(Self)
    }
}

/// Reads one JSON object.
pub(super) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    parse_object(text).map_err(invalid)
}
