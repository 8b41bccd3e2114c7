//! The route `GET /ready`, which tells load balancers whether the gateway should get traffic.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::core::Core;
use crate::domain::error::causes_of;
use crate::listen::http::ErrorView;
use crate::listen::http::extract::Anonymous;
use crate::listen::http::problem::Problem;
use crate::ops::readiness::NotReady;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    status: &'static str,
}

/// Say whether the gateway can do its work: its database answers, and it is not stopping.
#[utoipa::path(get, path = "/ready", tag = "operations", security(()),
    responses((status = 200, body = Ready), (status = 503, body = Problem)))]
pub(super) async fn ready(_: Anonymous, State(core): State<Arc<Core>>) -> Result<Json<Ready>, ErrorView> {
    match core.readiness.check().await {
        Ok(()) => Ok(Json(Ready { status: "ready" })),
        Err(why) => Err(not_ready(&why)),
    }
}

fn not_ready(why: &NotReady) -> ErrorView {
    tracing::warn!(%why, causes = causes_of(why), "not ready");
    ErrorView::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", why.to_string()).retryable()
}
