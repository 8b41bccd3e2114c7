//! Operation of the gateway. `housekeeping`, `retention` and `credential_upkeep` are periodic jobs, [`readiness`] and [`metrics`] show the
//! state of the gateway, and [`log_feed`] has its log.

pub(crate) mod credential_upkeep;
pub(crate) mod housekeeping;
pub mod log_feed;
pub mod metrics;
pub mod readiness;
mod retention;
