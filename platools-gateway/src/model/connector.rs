//! How an endpoint is reached.

use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::core::error::{Error, ErrorKind};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// With the authorities of the system, where they are needed: there are systems without any. Connections follow no redirection,
/// which might lead the key elsewhere.
pub(super) fn connector(is_secure: bool) -> Result<HttpsConnector<HttpConnector>, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS cannot be set up").caused_by(error))?;
    let config = if is_secure {
        config.with_native_roots().map_err(|error| {
            let message = "the system's certificate authorities cannot be read; SSL_CERT_FILE names a file of others";
            unusable(message).caused_by(error)
        })?
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    let mut http = HttpConnector::new();
    // What is not HTTP is for TLS.
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT));
    http.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
    Ok(connector.https_or_http().enable_http1().wrap_connector(http))
}

fn unusable(message: &str) -> Error {
    Error::new(ErrorKind::NotConfigured, message)
}
