//! The routes of `/v1/tools`, which list and show tools, export their schemas, and switch them on or off.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use platools::tool::Dialect;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::core::Core;
use crate::domain::digest::sha256;
use crate::dto::ToolDto;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::{Authenticated, Body, Path, Query};
use crate::listen::http::problem::Problem;
use crate::listen::rest::auth::Administrator;
use crate::tools::{Switch, ToolName};

/// The tool, where several have one name.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToolParams {
    /// The environment, by slug or id. Default: development.
    environment_id: Option<String>,
    /// The older spelling of `environmentId`.
    env: Option<String>,
    /// The entity, by slug or id, where several have a tool of that name.
    entity_id: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToolFilter {
    /// The environment, by slug or id. Default: all.
    environment_id: Option<String>,
    /// The older spelling of `environmentId`.
    env: Option<String>,
    /// `0` leaves out `inputSchema` and `outputSchema`, which are most of a long list.
    schemas: Option<u8>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SchemaOptions {
    /// `openai`, `anthropic`, `gemini`, `mcp` or `platform`. Default: `mcp`.
    dialect: Option<String>,
    /// The environment, by slug or id. Default: development.
    environment_id: Option<String>,
    /// The older spelling of `environmentId`.
    env: Option<String>,
    /// The entity, by slug or id, where several have a tool of that name.
    entity_id: Option<String>,
}

/// The tools of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ToolList {
    tools: Vec<ToolDto>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolChange {
    /// True if it is enabled. It stays so when its worker connects again.
    enabled: bool,
}

/// List the tools, also those whose worker is away. The answer has an `ETag`.
#[utoipa::path(get, path = "/v1/tools", tag = "tools", params(ToolFilter),
    responses((status = 200, body = ToolList), (status = 304), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    Query(filter): Query<ToolFilter>,
) -> Result<Response, ErrorView> {
    let with_schemas = match filter.schemas {
        None | Some(1) => true,
        Some(0) => false,
        Some(_) => return Err(ErrorView::invalid("`schemas` must be 0 or 1")),
    };
    let environment = filter.environment_id.or(filter.env);
    let tools = core.tools.list(&caller, environment.as_deref()).await?.into_iter().map(ToolDto::from);
    let tools = if with_schemas { tools.collect() } else { tools.map(ToolDto::without_schemas).collect() };
    let listing = ToolList { tools };
    Ok(unless_known(&headers, &listing))
}

/// The answer, or the news that it is the one the caller has.
fn unless_known(headers: &HeaderMap, listing: &ToolList) -> Response {
    let text = serde_json::to_string(listing).expect("strings, numbers and values always serialize");
    let tag = format!("\"{}\"", sha256(&text));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|value| value.split(',')).any(|candidate| {
        let candidate = candidate.trim();
        candidate == "*" || candidate.trim_start_matches("W/") == tag
    });
    let headers = [(header::ETAG, tag), (header::CONTENT_TYPE, "application/json".to_owned())];
    if is_known { (StatusCode::NOT_MODIFIED, headers).into_response() } else { (headers, text).into_response() }
}

/// Show one tool.
#[utoipa::path(get, path = "/v1/tools/{name}", tag = "tools", params(("name", description = "Name"), ToolParams),
    responses((status = 200, body = ToolDto), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Query(params): Query<ToolParams>,
) -> Result<Json<ToolDto>, ErrorView> {
    Ok(Json(core.tools.get(&caller, &params.of(name)).await?.into()))
}

/// Show one tool in the form a model's interface takes.
#[utoipa::path(get, path = "/v1/tools/{name}/schema", tag = "tools", params(("name", description = "Name"), SchemaOptions),
    responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
pub(super) async fn schema(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Query(options): Query<SchemaOptions>,
) -> Result<Json<Value>, ErrorView> {
    let dialect = dialect(options.dialect.as_deref().unwrap_or("mcp"))?;
    let params = ToolParams { environment_id: options.environment_id, env: options.env, entity_id: options.entity_id };
    Ok(Json(core.tools.export(&caller, &params.of(name), dialect).await?))
}

/// Switch a tool on or off.
#[utoipa::path(patch, path = "/v1/tools/{name}", tag = "tools", request_body = ToolChange,
    params(("name", description = "Name"), ToolParams),
    responses((status = 200, body = ToolDto), (status = "4XX", body = Problem)))]
pub(super) async fn change(
    administrator: Administrator,
    Path(name): Path<String>,
    Query(params): Query<ToolParams>,
    Body(change): Body<ToolChange>,
) -> Result<Json<ToolDto>, ErrorView> {
    let switch = if change.enabled { Switch::On } else { Switch::Off };
    Ok(Json(administrator.directory()?.switch_tool(&params.of(name), switch).await?.into()))
}

impl ToolParams {
    fn of(self, name: String) -> ToolName {
        ToolName { name, entity: self.entity_id, environment: self.environment_id.or(self.env) }
    }
}

/// The form of that name.
pub(super) fn dialect(name: &str) -> Result<Dialect, ErrorView> {
    match name {
        "openai" => Ok(Dialect::OpenAi),
        "openai_non_strict" => Ok(Dialect::OpenAiNonStrict),
        "anthropic" => Ok(Dialect::Anthropic),
        "gemini" => Ok(Dialect::Gemini),
        "mcp" => Ok(Dialect::Mcp),
        "platform" => Ok(Dialect::Platform),
        _ => Err(ErrorView::invalid("`dialect` must be openai, openai_non_strict, anthropic, gemini, mcp or platform")),
    }
}
