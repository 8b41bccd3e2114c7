//! Tests of collectors behind HTTPS.

use crate::collector::{Collector, Setup};
use crate::connect_proxy::ConnectProxy;
use crate::https_server::Secured;

/// A collector, and its certificate in PEM, which is its own authority.
async fn secured() -> (Collector, String) {
    let (listener, url, authority) = Secured::listen().await;
    (Collector::serve(listener, url), authority)
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
    assert!(log.contains("lost") && log.contains("invalid peer certificate"), "{log}");
    assert!(collector.spans().is_empty());
}

#[tokio::test]
async fn a_collector_without_tls_needs_no_authorities() {
    let collector = Collector::start().await;
    called(&collector, "").await.stop().await;
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn a_collector_is_reached_through_the_proxy_of_the_environment() {
    let collector = Collector::start().await;
    let address = collector.url.trim_start_matches("http://").parse().unwrap();
    let mut proxy = ConnectProxy::start(Some(address)).await;
    let url = format!("http://collector.test:{}", address.port());
    let mut setup = Setup::start(&url, &[], &[("HTTP_PROXY", proxy.url().as_str())]).await;
    setup.call(None).await;
    let log = setup.stop().await;
    assert!(proxy.asked().await.starts_with(&format!("CONNECT collector.test:{} ", address.port())));
    assert!(proxy.is_left_alone() && !log.contains("hunter2"), "{log}");
    assert_eq!(collector.spans().len(), 1);
}
