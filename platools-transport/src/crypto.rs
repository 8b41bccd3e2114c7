//! [`crypto_provider`]: chooses the library of cryptography for all TLS connections: ring. [`install_crypto_provider`] makes it the default
//! of the process, for other libraries.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// The provider of cryptography for every TLS connection: ring, which needs no C toolchain beyond cc.
///
/// Settings of TLS name it, because the default of a process depends on the libraries that are linked in.
#[must_use]
pub fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Makes [`crypto_provider`] the default of the process, for libraries that take the default, such as reqwest. A default that is
/// there already stays.
pub fn install_crypto_provider() {
    let _ = ring::default_provider().install_default();
}
