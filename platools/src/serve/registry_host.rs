//! [`RegistryHost`]: the tools, the calls and the settings of a server, shared by all its clients over any transport.

use super::call_tracker::CallTracker;
use super::info::Info;
use super::tools::ServedTools;

/// The parts of a server that all of its clients share.
#[derive(Debug)]
pub(super) struct RegistryHost {
    pub(super) tools: ServedTools,
    pub(super) calls: CallTracker,
    pub(super) info: Info,
    pub(super) user: Option<String>,
    /// The most bytes of a result.
    pub(super) max_result_bytes: usize,
}
