//! [`Connector`]: opens the sockets of one worker, each with the worker's present secret.

use std::time::Duration;

use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};

use platools_protocol::tool_sync::{FEATURES_HEADER, Features, INSTANCE_HEADER};
use platools_transport::{Dialler, Error, Secret, Socket, bearer};

use super::instance::new_instance;

/// Opens a worker's sockets to one platform.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    dialler: Dialler,
    secret: Secret,
    /// Tells the platform that all sockets are the same client's.
    instance: HeaderValue,
}

impl Connector {
    pub(crate) fn new(dialler: Dialler, secret: Secret) -> Self {
        let instance = new_instance().to_string();
        let instance = HeaderValue::try_from(instance).expect("the parts of an instance are plain text");
        Self { dialler, secret, instance }
    }

    /// Opens a socket, with the secret as it is now; returns both.
    pub(crate) async fn dial(&self) -> Result<(Socket, SecretString), Error> {
        let open = async {
            let secret = self.secret.read().await?;
            let request = self.request(&secret)?;
            Ok((self.dialler.socket(request).await?, secret))
        };
        self.dialler.in_time(open).await
    }

    /// Returns a copy whose secret is read by a provider in that runtime.
    pub(crate) fn within(&self, runtime: &Handle) -> Self {
        Self { secret: self.secret.within(runtime), ..self.clone() }
    }

    /// The time limit for opening a socket.
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
