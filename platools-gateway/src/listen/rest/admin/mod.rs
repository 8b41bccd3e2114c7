//! Changing who may do what.

mod agents;
mod entities;
mod environments;
mod keys;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, invalid};
use crate::core::Core;
use crate::core::identity::Role;

/// The routes of admins.
pub(super) fn router() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(environments::list, environments::add))
        .routes(routes!(entities::list, entities::add))
        .routes(routes!(entities::remove))
        .routes(routes!(entities::rotate))
        .routes(routes!(entities::mint))
        .routes(routes!(agents::list, agents::add))
        .routes(routes!(agents::show, agents::change, agents::remove))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::revoke))
        .routes(routes!(tokens::mint))
}

/// The role of that name.
fn role(name: &str) -> Result<Role, Problem> {
    Role::from_name(name).ok_or_else(|| invalid("`role` must be viewer, operator or admin"))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
