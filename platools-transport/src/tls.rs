//! [`Tls`]: sets the certificate authorities that a client trusts, and the client's own certificate.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::crypto::crypto_provider;
use crate::error::{Error, ErrorKind};

/// Certificate authorities that are trusted besides those that an application adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Roots {
    /// The operating system's; where it has none, as in minimal containers, Mozilla's.
    #[default]
    Native,
    /// Mozilla's, compiled in.
    WebPki,
    /// None but those added with [`Tls::ca_certificates`].
    OwnOnly,
}

/// Settings of TLS: authorities, and the client's certificate.
///
/// ```no_run
/// use platools_transport::Tls;
///
/// # fn main() -> std::io::Result<()> {
/// let tls = Tls::new()
///     .ca_certificates(std::fs::read("ca.pem")?)
///     .client_certificate(std::fs::read("worker.pem")?, std::fs::read("worker.key")?);
/// # let _ = tls;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    roots: Roots,
    ca_certificates: Vec<Vec<u8>>,
    client_certificate: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// Trusts the operating system's authorities, and presents no certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets which authorities are trusted to begin with. Default: [`Roots::Native`].
    #[must_use]
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Trusts further authorities, given in PEM.
    #[must_use]
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates.push(pem.into());
        self
    }

    /// Presents a certificate: its chain and its private key, both in PEM.
    #[must_use]
    pub fn client_certificate(mut self, chain_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        self.client_certificate = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// The settings as rustls takes them.
    pub fn build(&self) -> Result<Arc<ClientConfig>, Error> {
        let mut trusted = self.trusted_to_begin_with();
        for pem in &self.ca_certificates {
            for certificate in certificates(pem, "a CA certificate")? {
                trusted.add(certificate).map_err(|error| unusable("a CA certificate", error))?;
            }
        }
        let config = ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("TLS", error))?
            .with_root_certificates(trusted);
        let config = match &self.client_certificate {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| unusable("the client's key", error))?;
                let chain = certificates(chain, "the client's certificate")?;
                config.with_client_auth_cert(chain, key).map_err(|error| unusable("the client's certificate", error))?
            }
        };
        Ok(Arc::new(config))
    }

    fn trusted_to_begin_with(&self) -> RootCertStore {
        let mut trusted = RootCertStore::empty();
        if self.roots == Roots::Native {
            // Some systems hold certificates that nothing can parse; those are passed over.
            trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if self.roots == Roots::WebPki || (self.roots == Roots::Native && trusted.is_empty()) {
            trusted.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        trusted
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| unusable(what, error))?;
    if certificates.is_empty() {
        return Err(Error::new(ErrorKind::Tls, format!("{what} has no CERTIFICATE section; it must be PEM")));
    }
    Ok(certificates)
}

fn unusable(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Tls, format!("{what} cannot be used")).with_source(error)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots)
            .field("ca_certificates", &self.ca_certificates.len())
            .field("client_certificate", &self.client_certificate.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_named() {
        let error = Tls::new().ca_certificates("no PEM").build().expect_err("no certificate");
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(error.to_string().contains("CA certificate"), "{error}");
        let error = Tls::new().client_certificate("x", "y").build().expect_err("no key");
        assert!(error.to_string().contains("client's key"), "{error}");
    }

    #[test]
    fn there_is_always_someone_to_trust_by_default() {
        assert!(!Tls::new().trusted_to_begin_with().is_empty());
        assert!(Tls::new().roots(Roots::OwnOnly).trusted_to_begin_with().is_empty());
    }
}
