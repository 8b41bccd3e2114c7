//! `GET /v1/tools`

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::auth;
use super::problem::{Problem, json};
use crate::core::{Core, ListedTool};

#[derive(Deserialize)]
pub(super) struct Filter {
    env: Option<String>,
}

#[derive(Serialize)]
struct Listing<'a> {
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    entity: &'a str,
    entity_id: &'a str,
    environment: &'a str,
    environment_id: &'a str,
    online: bool,
    input_schema: &'a Value,
    output_schema: Option<&'a Value>,
    auth: &'a str,
    roles: &'a [String],
    annotations: &'a Map<String, Value>,
}

/// Lists the tools, also those whose worker is away; `?env=` leaves out the other environments.
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Problem> {
    let caller = auth::caller(&core, &headers).await?;
    let Query(filter) =
        filter.map_err(|rejection| Problem::new(StatusCode::BAD_REQUEST, "invalid_request", rejection.body_text()))?;
    let tools = core.list_tools(&caller, filter.env.as_deref()).await?;
    Ok(json(&Listing { tools: tools.iter().map(shown).collect() }))
}

fn shown(tool: &ListedTool) -> Tool<'_> {
    let (identity, declaration) = (&tool.identity, &tool.declaration);
    Tool {
        name: &declaration.name,
        description: &declaration.description,
        entity: &identity.entity,
        entity_id: identity.entity_id.as_str(),
        environment: &identity.environment,
        environment_id: identity.environment_id.as_str(),
        online: tool.online,
        input_schema: &declaration.input_schema,
        output_schema: declaration.output_schema.as_ref(),
        auth: &declaration.auth,
        roles: &declaration.roles,
        annotations: &declaration.annotations,
    }
}
