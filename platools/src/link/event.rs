//! [`Event`]: tells the application of a worker about the link, for example that the tools are registered.

use std::time::Duration;

use platools_protocol::tool_sync::{ToolHealthAlert, ToolsRegistered, Welcome};
use platools_transport::Disconnect;

/// An event on the link of a worker.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The platform greeted the worker.
    Welcomed(Welcome),
    /// The platform stored a registration.
    Registered(ToolsRegistered),
    /// The platform took no registration; it is sent again after the delay.
    #[non_exhaustive]
    RegisterThrottled {
        /// The delay.
        retry_after: Duration,
    },
    /// The platform thinks a tool is not well.
    HealthAlert(ToolHealthAlert),
    /// The platform reported an error. It may go on or close the socket, which is another event. A registration that it has not
    /// confirmed is sent again later.
    #[non_exhaustive]
    PlatformError {
        /// The platform's words.
        message: String,
    },
    /// Replies were given up, because too many were unconfirmed for too long. They are not written any more; one that was
    /// written before may have arrived.
    #[non_exhaustive]
    RepliesDropped {
        /// The number.
        count: usize,
    },
    /// The listener was too slow: further events happened before this place and were dropped.
    #[non_exhaustive]
    Missed {
        /// The number.
        count: u64,
    },
    /// No socket was opened. The client tries again as its retry policy says.
    #[non_exhaustive]
    NotConnected {
        /// The error with its causes.
        reason: String,
    },
    /// A socket has ended.
    Disconnected(Disconnect),
}
