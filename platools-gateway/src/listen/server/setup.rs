//! [`Setup`]: the settings and services that all connections of a server use: limits, certificates and [`Routes`]. [`Routes`] has a router
//! for usual requests, and routers that refuse requests over a limit.

use std::sync::Arc;

use axum::Router;

use crate::background::tasks::Tasks;
use crate::limits::Limiter;
#[cfg(test)]
use crate::limits::Limits;
use crate::tls::Certificates;

/// The parts that serve connections.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The routers.
    pub(crate) routes: Routes,
    /// The limiter of connections.
    pub(crate) limiter: Arc<Limiter>,
    /// The certificates for TLS; none if the server speaks plain HTTP.
    pub(crate) certificates: Option<Certificates>,
    /// The tasks among which the listener's runs.
    pub(crate) tasks: Tasks,
}

/// The routers for requests.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    /// Router of usual requests.
    pub(in crate::listen) served: Router,
    /// Router of requests from addresses with too many connections.
    pub(in crate::listen) over_limit: Router,
    /// Router of requests whose response does not fit among those that wait to be read.
    pub(in crate::listen) busy: Router,
}

impl Routes {
    pub(super) fn all_over_limit(self) -> Self {
        Self { served: self.over_limit.clone(), ..self }
    }
}

#[cfg(test)]
impl Setup {
    /// No TLS, and the usual limits.
    pub(crate) fn plain(router: Router) -> Self {
        let routes = Routes { served: router, over_limit: Router::new(), busy: Router::new() };
        let limiter = Arc::new(Limiter::new(&Limits::default()));
        Self { routes, limiter, certificates: None, tasks: Tasks::default() }
    }
}
