//! Operation of the gateway. `housekeeping` starts the periodic jobs, `retention` and `credential_upkeep` are two of them, [`readiness`]
//! and `metrics` show the state of the gateway, and [`log_tail`] has the log. [`figures`] and
//! [`call_figures`] have the values of the metrics, `recent_calls` counts the calls of the last half hour, and `live_events` has events for callers that follow
//! them. `outage_watch` notes what one of several gateways lacks, `evacuation` sends its workers
//! elsewhere then, and `installation` shows all gateways and the settings
//! of this one, which `setting_report` has.

pub mod call_figures;
pub(crate) mod credential_upkeep;
pub(crate) mod evacuation;
pub mod figures;
pub(crate) mod housekeeping;
pub(crate) mod installation;
pub(crate) mod live_events;
pub mod log_tail;
pub(crate) mod metrics;
pub(crate) mod outage_watch;
pub mod readiness;
pub(crate) mod recent_calls;
mod retention;
pub(crate) mod setting_report;
