//! Traits through which the services reach the outside world: the database, the clock and observers.
//!
//! Each kind of data, such as channels, has a trait that stores it. `store::Storage` combines them, and the folder `store` implements them.
//! [`call_observer::CallObserver`] is notified of calls, `call_peers`, `ticket_peers` and `browser_session_peers` ask other gateways about calls, tickets and sessions of browsers, `clock` reads the time of day, and [`time`] converts times to text.

pub(crate) mod audit;
pub(crate) mod browser_session_peers;
pub mod call_observer;
pub(crate) mod call_peers;
pub(crate) mod catalog;
pub(crate) mod channels;
pub(crate) mod clock;
pub(crate) mod conversations;
pub(crate) mod directory;
pub(crate) mod feed_peers;
pub(crate) mod idempotency;
pub(crate) mod journal;
pub(crate) mod retention_clock;
pub(crate) mod secret_file;
pub(crate) mod session_peers;
pub(crate) mod sessions;
pub(crate) mod store;
pub(crate) mod ticket_peers;
pub mod time;
pub mod tool_changes;
