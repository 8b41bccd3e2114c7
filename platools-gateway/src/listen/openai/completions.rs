//! [`complete`]: the handler of `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::auth::Known;
use super::completion_json::Head;
use super::failure::Failure;
use super::request::{Form, Request};
use super::stream::Streamed;
use crate::authority::{Action, Resource, authorize};
use crate::core::Core;
use crate::domain::error::Error;

/// Lets an agent answer. The run ends when the client disconnects.
pub(super) async fn complete(
    State(core): State<Arc<Core>>,
    Known(caller): Known,
    body: Body,
) -> Result<Response, Failure> {
    authorize(&caller, Action::Chat, Resource::Project(&caller.project_id)).map_err(Error::from)?;
    // Before the body is read. It is kept for as long as the agent answers.
    let permit = core.conversations.permit(&caller)?;
    let request = Request::read(body, &core, &caller).await?;
    let caller = request.caller(caller)?;
    if request.form != Form::Whole {
        return Streamed::new(core, caller, permit, request).respond().await;
    }
    let (text, answer) = core.conversations.complete(&caller, permit, request.completion(), &()).await?;
    Ok(Json(Head::new(&request.agent).whole(&text, answer.usage)).into_response())
}
