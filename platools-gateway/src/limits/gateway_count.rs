//! [`GatewayCount`]: the number of gateways that divide a limit among them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of gateways of an installation, as far as this one knows. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct GatewayCount(Arc<AtomicU32>);

impl GatewayCount {
    /// Notes the number of gateways.
    pub(super) fn set(&self, gateways: NonZeroU32) {
        self.0.store(gateways.get(), Ordering::Relaxed);
    }

    /// The number of gateways, this one included.
    pub(super) fn get(&self) -> NonZeroU32 {
        NonZeroU32::new(self.0.load(Ordering::Relaxed)).unwrap_or(NonZeroU32::MIN)
    }
}

/// A gateway that is alone.
impl Default for GatewayCount {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}
