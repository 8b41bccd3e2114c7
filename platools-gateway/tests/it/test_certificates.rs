//! `Authority`: a certificate authority for the tests, and clients that trust it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use platools_transport::crypto_provider;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::support::within;

/// The name that certificates are for.
const NAME: &str = "localhost";

pub(crate) struct Authority {
    own: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap().der().clone();
        Self { own, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn issue(&self) -> Identity {
        self.issue_until(2090)
    }

    /// Issues what expires when that year begins.
    pub(crate) fn issue_until(&self, year: i32) -> Identity {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Somebody who trusts this authority only, and speaks these versions and protocols.
    pub(crate) fn trusting(&self, versions: &[&'static SupportedProtocolVersion], protocols: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.own.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config).into()
    }

    /// A connection of somebody who trusts this authority only, to a URL.
    pub(crate) async fn connect(&self, url: &str) -> TlsStream<TcpStream> {
        let all = tokio_rustls::rustls::ALL_VERSIONS;
        handshake(&self.trusting(all, &[]), url).await.unwrap()
    }
}

pub(crate) async fn handshake(connector: &TlsConnector, url: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let address = url.strip_prefix("https://").expect("TLS is on");
    let stream = within(TcpStream::connect(address)).await.unwrap();
    within(connector.connect(NAME.try_into().unwrap(), stream)).await
}

impl Identity {
    /// True if the other end has this certificate.
    pub(crate) fn is_at(&self, stream: &TlsStream<TcpStream>) -> bool {
        let presented = stream.get_ref().1.peer_certificates().unwrap();
        presented[0] == CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    /// True if a text has a line of the key in it.
    pub(crate) fn leaks_into(&self, text: &str) -> bool {
        self.key.lines().filter(|line| !line.starts_with('-')).any(|line| text.contains(line))
    }
}

/// A folder with a certificate and its key.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn with(identity: &Identity) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.replace(identity);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.path().join("certificate.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path().join("key.pem")
    }

    /// The flags that name both.
    pub(crate) fn flags(&self) -> [String; 4] {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        ["--tls-certificate".into(), path(self.certificate()), "--tls-key".into(), path(self.key())]
    }

    /// Puts others into their places, each at once.
    pub(crate) fn replace(&self, identity: &Identity) {
        for (path, text) in [(self.key(), &identity.key), (self.certificate(), &identity.certificate)] {
            let fresh = path.with_extension("fresh");
            std::fs::write(&fresh, text).unwrap();
            restrict(&fresh, 0o600);
            std::fs::rename(fresh, path).unwrap();
        }
    }
}

/// Says who may read a file.
pub(crate) fn restrict(path: &Path, mode: u32) {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    #[cfg(not(unix))]
    let _ = (path, mode);
}
