//! The route `GET /metrics`, which shows the metrics of the gateway to Prometheus. `ops::metrics` has their names and help texts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::core::Core;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Authenticated;
use crate::listen::http::problem::Problem;
use crate::ops::metrics::{OPEN_METRICS, open_metrics};

/// Show figures for Prometheus: those of the caller's project, and for callers of the default project those of the whole gateway.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"), (status = "4XX", body = Problem)))]
pub(super) async fn metrics(
    State(core): State<Arc<Core>>,
    Authenticated(caller): Authenticated,
) -> Result<Response, ErrorView> {
    let text = open_metrics(core.figures.read(&caller)?);
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
