//! Dialling: from a URL and a secret to an open socket.

mod dial;
mod instance;
#[cfg(feature = "proxy")]
mod proxy;
mod secret;
mod tls;
mod upgrade;
mod url;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};

use super::socket::Socket;
use super::traffic::Traffic;
use crate::error::{Error, ErrorKind};
use crate::wire::{FEATURES_HEADER, Features, INSTANCE_HEADER};

use instance::new_instance;

pub(crate) use dial::{Dialler, RawSocket, Transport};
pub use secret::Secret;
pub(crate) use secret::redact;
pub use tls::{Roots, Tls};
pub(crate) use url::Endpoint;

/// Opens a worker's sockets to one platform.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    dialler: Dialler,
    secret: Secret,
    /// Tells the platform that all sockets are the same client's.
    instance: HeaderValue,
}

impl Connector {
    /// Checks everything that can be checked before dialling.
    pub(crate) fn new(url: &str, secret: Secret, tls: &Tls, time_limit: Duration) -> Result<Self, Error> {
        let dialler = Dialler::new(Endpoint::Worker, url, tls, time_limit)?;
        secret.check()?;
        let instance = new_instance().to_string();
        let instance = HeaderValue::try_from(instance).expect("the parts of an instance are plain text");
        Ok(Self { dialler, secret, instance })
    }

    /// Opens a socket, with the secret as it is now; returns both.
    pub(crate) async fn dial(&self) -> Result<(Socket, SecretString), Error> {
        let open = async {
            let secret = self.secret.read().await?;
            let request = self.request(&secret)?;
            let (transport, traffic) = Traffic::on(self.dialler.transport().await?);
            Ok((Socket::observed(self.dialler.upgrade(transport, request).await?, traffic), secret))
        };
        self.dialler.in_time(open).await
    }

    /// The same connector, whose secret's provider runs in that runtime.
    pub(crate) fn within(&self, runtime: &Handle) -> Self {
        Self { secret: self.secret.within(runtime), ..self.clone() }
    }

    /// How long opening a socket may take.
    pub(super) fn time_limit(&self) -> Duration {
        self.dialler.time_limit()
    }

    fn request(&self, secret: &SecretString) -> Result<Request<()>, Error> {
        let mut request = self.dialler.request()?;
        request.headers_mut().insert(AUTHORIZATION, bearer(secret)?);
        let features = HeaderValue::try_from(Features::all().to_string()).expect("names of features are plain text");
        request.headers_mut().insert(FEATURES_HEADER, features);
        request.headers_mut().insert(INSTANCE_HEADER, self.instance.clone());
        Ok(request)
    }
}

/// The header that carries a secret. Requests with it are written by `hyper`, which logs none, and its `Debug` hides the value.
pub(crate) fn bearer(secret: &SecretString) -> Result<HeaderValue, Error> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret()))
        .map_err(|_| Error::new(ErrorKind::InvalidSecret, "the secret cannot be sent in a header"))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}
