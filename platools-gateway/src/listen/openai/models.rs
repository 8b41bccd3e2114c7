//! The routes of `/v1/models`, which list the agents as models.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::admin::Agent;
use crate::core::Core;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Path};

/// Lists the agents.
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ErrorView> {
    let models: Vec<_> = core.directory.agents(&caller)?.iter().map(model).collect();
    Ok(Json(json!({"object": "list", "data": models})))
}

/// Shows one agent.
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ErrorView> {
    Ok(Json(model(&core.directory.agent(&caller, &name)?)))
}

fn model(agent: &Agent) -> Value {
    json!({"id": agent.slug, "object": "model", "created": agent.created_ms / 1000, "owned_by": "platools"})
}
