//! The routes of `/v1/models`, which list the agents as models.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::auth::Known;
use super::failure::Failure;
use crate::admin::Agent;
use crate::core::Core;

/// Lists the agents.
pub(super) async fn list(State(core): State<Arc<Core>>, Known(caller): Known) -> Result<Json<Value>, Failure> {
    let models: Vec<_> = core.directory.agents(&caller)?.iter().map(model).collect();
    Ok(Json(json!({"object": "list", "data": models})))
}

/// Shows one agent.
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Known(caller): Known,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(model(&core.directory.agent(&caller, &name)?)))
}

fn model(agent: &Agent) -> Value {
    json!({"id": agent.slug, "object": "model", "created": agent.created_ms / 1000, "owned_by": "platools"})
}
