//! [`complete`]: the handler of `POST /v1/chat/completions`, which lets an agent answer the messages of the request.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::completion_json::Head;
use super::request::{AnswerFormat, Request};
use super::stream::Streamed;
use crate::authority::{Action, Resource, authorize};
use crate::core::Core;
use crate::domain::error::Error;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Authenticated;

/// Lets an agent answer. The run ends when the client disconnects.
pub(super) async fn complete(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    body: Body,
) -> Result<Response, ErrorView> {
    authorize(&caller, Action::Chat, Resource::Project(&caller.project_id)).map_err(Error::from)?;
    // Before the body is read. It is kept for as long as the agent answers.
    let permit = core.conversations.permit(&caller)?;
    let request = Request::read(body, &core, &caller).await?;
    let caller = request.caller(caller)?;
    if request.form != AnswerFormat::Whole {
        return Streamed::new(core, caller, permit, request).respond().await;
    }
    let (text, answer) = core.conversations.complete(&caller, permit, request.completion(), &()).await?;
    Ok(Json(Head::new(&request.agent).whole(&text, answer.usage)).into_response())
}
