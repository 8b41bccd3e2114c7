//! Operation of the gateway. `housekeeping` starts the periodic jobs, `retention` and `credential_upkeep` are two of them, [`readiness`]
//! and `metrics` show the state of the gateway, and [`log_tail`] has the log. [`figures`] and
//! [`call_figures`] have the values of the metrics.

pub mod call_figures;
pub(crate) mod credential_upkeep;
pub mod figures;
pub(crate) mod housekeeping;
pub mod log_tail;
pub(crate) mod metrics;
pub mod readiness;
mod retention;
