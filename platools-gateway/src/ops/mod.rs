//! Operation of the gateway: `housekeeping`, `retention` and `credential_upkeep` run in the background, `shutdown` ends everything in
//! order, [`readiness`] and [`metrics`] tell how it is, and [`log_feed`] hands its log to admins.

mod credential_upkeep;
pub(crate) mod housekeeping;
pub mod log_feed;
pub mod metrics;
pub mod readiness;
mod retention;
mod shutdown;
