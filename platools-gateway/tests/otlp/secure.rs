//! Collectors behind https.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::collector::{Collector, Setup};

struct Secured {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, from) = self.listener.accept().await.unwrap();
            // Whoever does not trust it goes away again.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A collector, and its certificate in PEM, which is its own authority.
async fn secured() -> (Collector, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    (Collector::serve(Secured { listener, acceptor: Arc::new(config).into() }, url), cert.pem())
}

/// A gateway on a system that trusts this one authority, and a call.
async fn called(collector: &Collector, authority: &str) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, authority).unwrap();
    let variables = [("SSL_CERT_FILE", file.to_str().unwrap()), ("SSL_CERT_DIR", "")];
    let mut setup = Setup::start(&collector.url, &[], &variables).await;
    setup.call(None).await;
    setup
}

#[tokio::test]
async fn a_collector_with_a_certificate_that_the_system_trusts_gets_spans() {
    let (collector, authority) = secured().await;
    called(&collector, &authority).await.stop().await;
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn a_collector_with_a_strangers_certificate_gets_nothing_and_the_log_says_why() {
    let ((collector, _), (_, others)) = (secured().await, secured().await);
    let log = called(&collector, &others).await.stop().await;
    assert!(log.contains("are lost") && log.contains("invalid peer certificate"), "{log}");
    assert!(collector.spans().is_empty());
}

#[tokio::test]
async fn a_collector_without_tls_needs_no_authorities() {
    let collector = Collector::start().await;
    called(&collector, "").await.stop().await;
    assert_eq!(collector.spans().len(), 1);
}
