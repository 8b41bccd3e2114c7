//! The HTTP client of the gateway, for models, collectors and the bridge: [`client`] makes one, and [`Connector`] opens connections,
//! directly or through an HTTP proxy.

mod connector;
mod proxy;

pub use connector::Connector;
pub use proxy::is_loopback;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// An HTTP/1.1 client that keeps idle connections for further requests. It follows no redirection, which might lead credentials
/// elsewhere.
pub type HttpClient = Client<Connector, Full<Bytes>>;

/// A client over connections of `connector`.
#[must_use]
pub fn client(connector: Connector) -> HttpClient {
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}
