//! [`RegistryHost`]: a registry's tools for all clients of a server, over any transport.

use super::calls::Calls;
use super::info::Info;
use super::tools::ServedTools;

/// The parts of a server that all of its clients share.
#[derive(Debug)]
pub(super) struct RegistryHost {
    pub(super) tools: ServedTools,
    pub(super) calls: Calls,
    pub(super) info: Info,
    pub(super) user: Option<String>,
    /// The most bytes of a result.
    pub(super) max_result_bytes: usize,
}
