//! Operation of the gateway: `housekeeping`, `retention` and `credential_upkeep` run in the background, [`readiness`] and [`metrics`]
//! show its state, and [`log_feed`] has its log for admins.

pub(crate) mod credential_upkeep;
pub(crate) mod housekeeping;
pub mod log_feed;
pub mod metrics;
pub mod readiness;
mod retention;
