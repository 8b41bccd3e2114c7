//! `POST /v1/chat/completions`

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::answer::Head;
use super::auth::Known;
use super::failure::Failure;
use super::request::{Form, Request};
use super::stream::Streamed;
use crate::core::Core;

/// Has an agent answer. A client that goes away ends its run.
pub(super) async fn complete(
    State(core): State<Arc<Core>>,
    Known(caller): Known,
    body: Body,
) -> Result<Response, Failure> {
    let request = Request::read(body, &core).await?;
    let caller = request.caller(caller)?;
    if request.form != Form::Whole {
        return Streamed::new(core, caller, request).respond().await;
    }
    let (text, answer) = core.complete(&caller, request.completion(), &()).await?;
    Ok(Json(Head::new(&request.agent).whole(&text, answer.usage)).into_response())
}
