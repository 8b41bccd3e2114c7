//! Operation of the gateway. `housekeeping` starts the periodic jobs, `retention` and `credential_upkeep` are two of them, [`readiness`]
//! and [`metrics`] show the state of the gateway, and [`log_feed`] has the log. `outages` knows what one of several gateways lacks, and
//! `evacuation` sends its workers elsewhere then.

pub(crate) mod credential_upkeep;
pub(crate) mod evacuation;
pub(crate) mod housekeeping;
pub mod log_feed;
pub mod metrics;
pub(crate) mod outages;
pub mod readiness;
mod retention;
