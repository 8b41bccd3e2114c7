//! How the gateway is reached: one adapter for each protocol, all over the same core. Adapters do not know each other.

mod bearer;
mod body;
mod causes;
mod openai;
mod rest;
mod server;
mod sync;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub(crate) use server::{Server, Setup};
pub(crate) use sync::Patience;

// What adapters share they take from here.
use bearer::{bearer_token, caller_of};
use body::{Unread, read_text};
use causes::causes_of;
use server::{Routes, Traffic};

use crate::core::Core;

/// Every route of the gateway. The tasks that own workers' sockets are tracked in `links`.
pub(crate) fn routes(core: &Arc<Core>, links: &TaskTracker, patience: Patience) -> Routes {
    // The adapter for callers also answers what no route matches.
    let served = rest::router(Arc::clone(core))
        .merge(openai::router(Arc::clone(core)).method_not_allowed_fallback(rest::no_such_method))
        .merge(sync::router(Arc::clone(core), links.clone(), patience));
    Routes { served, turned_away: rest::turned_away() }
}
