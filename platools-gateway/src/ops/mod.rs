//! Operation of the gateway. `housekeeping` starts the periodic jobs, `retention` and `credential_upkeep` are two of them, [`readiness`]
//! and [`metrics`] show the state of the gateway, and [`log_feed`] has the log.

pub(crate) mod credential_upkeep;
pub(crate) mod housekeeping;
pub mod log_feed;
pub mod metrics;
pub mod readiness;
mod retention;
