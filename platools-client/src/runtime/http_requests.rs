//! [`HttpRequests`]: sends an agent's HTTP requests to the gateway, with the agent's secret. `retry_after.rs` repeats a request that was
//! refused with 429, too many requests.

use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::error::{RuntimeError, RuntimeErrorKind};
use super::retry_after::{ask_again, retry_after};
use platools_protocol::runtime::{Failure, MAX_MESSAGE_BYTES};
use platools_transport::{Answer, Dialler, Http, Secret, bearer, redact};

/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Makes the requests of one agent.
#[derive(Debug)]
pub(super) struct HttpRequests {
    dialler: Dialler,
    http: Http,
    secret: Secret,
    request_timeout: Duration,
}

/// A request that is written and may be sent more than once.
struct Request {
    method: Method,
    path: String,
    body: Option<Bytes>,
}

impl HttpRequests {
    pub(super) fn new(dialler: Dialler, secret: Secret, request_timeout: Duration) -> Self {
        Self { http: Http::new(dialler.clone()), dialler, secret, request_timeout }
    }

    pub(super) fn dialler(&self) -> &Dialler {
        &self.dialler
    }

    /// Makes a request; `body` is anything that can be written as JSON, or `()` for none. Where there were too many requests
    /// it is made again.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: impl Serialize,
    ) -> Result<T, RuntimeError> {
        let request = written(method, path, &body)?;
        read(&ask_again(|| self.exchange(&request)).await?)
    }

    /// Makes a request once.
    pub(super) async fn ask_once<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: impl Serialize,
    ) -> Result<T, RuntimeError> {
        read(&self.exchange(&written(method, path, &body)?).await?)
    }

    /// Returns the body of an answer that is a success.
    async fn exchange(&self, request: &Request) -> Result<Bytes, RuntimeError> {
        let limit = self.request_timeout;
        let too_slow = |_| {
            RuntimeError::new(
                RuntimeErrorKind::TimedOut,
                format!("the gateway did not respond within {limit:?}, the `request_timeout`"),
            )
        };
        timeout(limit, self.exchange_in_time(request)).await.map_err(too_slow)?
    }

    async fn exchange_in_time(&self, request: &Request) -> Result<Bytes, RuntimeError> {
        // Anew each time: it may have been rotated.
        let secret = self.secret.read().await?;
        let mut head = self.dialler.http_request(request.method.clone(), &request.path)?;
        head.headers_mut().insert(AUTHORIZATION, bearer(&secret)?);
        if request.body.is_some() {
            head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = Full::new(request.body.clone().unwrap_or_default());
        let answer = self.http.ask(head.map(|()| body), MAX_ANSWER_BYTES).await?;
        if !answer.status.is_success() {
            return Err(failure(&answer, &secret));
        }
        if answer.is_cut {
            let message =
                format!("the gateway's response has more than {MAX_ANSWER_BYTES} bytes; ask for less at a time");
            return Err(RuntimeError::new(RuntimeErrorKind::InvalidReply, message));
        }
        Ok(answer.body)
    }
}

fn written(method: &str, path: &str, body: &impl Serialize) -> Result<Request, RuntimeError> {
    let invalid = |message: &str| RuntimeError::new(RuntimeErrorKind::InvalidRequest, message);
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| invalid(&format!("`{method}` is no method of HTTP, such as GET")))?;
    if !path.starts_with('/') {
        return Err(invalid("the path does not begin with a slash; give the path below the gateway's URL"));
    }
    let body =
        serde_json::to_vec(body).map_err(|error| invalid("the body cannot be written as JSON").with_source(error))?;
    if body.len() > MAX_MESSAGE_BYTES {
        let message =
            format!("the body has {} bytes, and a gateway reads at most {MAX_MESSAGE_BYTES}; send less", body.len());
        return Err(RuntimeError::new(RuntimeErrorKind::TooLarge, message));
    }
    let body = (body != b"null").then(|| body.into());
    Ok(Request { method, path: path.to_owned(), body })
}

/// Reads the error of a failed answer, without the secret, which some gateways repeat.
fn failure(answer: &Answer, secret: &SecretString) -> RuntimeError {
    // Before it is cut, which may be in the middle of a secret.
    let body = redact(&String::from_utf8_lossy(&answer.body), secret);
    let message = Failure::read(body.as_bytes()).map(|failure| failure.error);
    let wait = answer.headers.get(RETRY_AFTER).and_then(|header| header.to_str().ok());
    let wait = wait.and_then(|header| retry_after(header, SystemTime::now()));
    RuntimeError::of_status(answer.status.as_u16(), message, wait)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, RuntimeError> {
    // Nothing is what `()` and `Option` are read from.
    let body = if body.trim_ascii().is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        // The error may repeat what is in the body, which may be anything.
        let message = format!("the gateway's response does not fit the expected type, at column {}", error.column());
        RuntimeError::new(RuntimeErrorKind::InvalidReply, message)
    })
}
