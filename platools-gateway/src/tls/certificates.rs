//! [`Certificates`]: holds the certificate that the next TLS handshakes use. It can be replaced while the gateway runs.

use std::fmt;
use std::sync::Arc;

use platools_transport::crypto_provider;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};

/// The certificate that is in use; it may be another one for the next connection.
#[derive(Clone)]
pub(crate) struct Certificates(watch::Receiver<Arc<ServerConfig>>);

impl Certificates {
    pub(super) fn new(current: watch::Receiver<Arc<ServerConfig>>) -> Self {
        Self(current)
    }

    /// An acceptor for handshakes with the present certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0.borrow()).into()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// TLS 1.2 and 1.3 with HTTP/1.1 inside. Every certificate gets a configuration of its own, and with it its own sessions:
/// one that was begun with an earlier certificate is not resumed.
pub(super) fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
