//! [`router`]: the REST routes for admins: environments, entities, agents, keys, tokens and signing keys, with a file for each.

mod agent_events;
mod agents;
mod entities;
mod environments;
mod keys;
mod signing_keys;
mod tokens;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::core::Core;

/// The routes of admins.
pub(super) fn router() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(environments::list, environments::add))
        .routes(routes!(environments::remove))
        .routes(routes!(entities::list, entities::add))
        .routes(routes!(entities::remove))
        .routes(routes!(entities::rotate))
        .routes(routes!(entities::mint))
        .routes(routes!(agents::list, agents::add))
        .routes(routes!(agents::show, agents::change, agents::remove))
        .routes(routes!(agent_events::tell))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::revoke))
        .routes(routes!(tokens::list, tokens::mint))
        .routes(routes!(tokens::revoke))
        .routes(routes!(signing_keys::list))
        .routes(routes!(signing_keys::rotate))
}
