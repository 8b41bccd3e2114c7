//! [`Endpoint`]: sends requests for chat completions to the HTTP endpoint of a language model, and tries again after some failures.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, Uri, header};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::answer_stream::AnswerStream;
use super::failure::{ModelFailure, known_code};
use super::refused_part::RefusedPart;
use super::request::CompletionRequest;
use super::retry;
use crate::domain::error::Error;
use crate::net::{self, Connector, HttpClient};
use crate::settings::ModelSettings;

/// Bytes of an endpoint's error that are read.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Time in which an endpoint has to send its error.
const ERROR_LIMIT: Duration = Duration::from_secs(5);

const AGENT: &str = concat!("platools-gateway/", env!("CARGO_PKG_VERSION"));

/// An endpoint for chat completions.
pub(super) struct Endpoint {
    client: HttpClient,
    url: Uri,
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    pub(super) fn new(settings: &ModelSettings) -> Result<Self, Error> {
        let (url, authorization) = (settings.completions()?, settings.authorization()?);
        let client = net::client(Connector::new(&url)?);
        Ok(Self { client, url, authorization })
    }

    /// Asks for an answer, and waits for its first bytes. A failure before them that may pass is tried again.
    pub(super) async fn ask(&self, request: &CompletionRequest) -> Result<AnswerStream, ModelFailure> {
        let body = Bytes::from(serde_json::to_vec(request).expect("strings, numbers and values always serialize"));
        let tools = request.tool_names();
        let mut tries = 1;
        loop {
            let failure = match self.try_to_ask(body.clone(), &tools).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wait) = retry::wait(&failure, tries) else { return Err(failure) };
            tracing::debug!(tries, wait_ms = wait.as_millis(), "the model is asked again: {failure}");
            sleep(wait).await;
            tries += 1;
        }
    }

    async fn try_to_ask(&self, body: Bytes, tools: &[&str]) -> Result<AnswerStream, ModelFailure> {
        let response = self.client.request(self.request(body)).await;
        let response = response.map_err(|error| ModelFailure::Unreachable(Some(error.into())))?;
        if !response.status().is_success() {
            return Err(refused(response, tools).await);
        }
        AnswerStream::begin(response.into_body()).await
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(self.authorization.clone().map(|value| (header::AUTHORIZATION, value)));
        request
    }
}

async fn refused(response: Response<Incoming>, tools: &[&str]) -> ModelFailure {
    let status = response.status();
    let retry_after = retry::retry_after(response.headers(), SystemTime::now());
    let body = Limited::new(response.into_body(), MAX_ERROR_BYTES).collect();
    let body = timeout(ERROR_LIMIT, body).await.ok().and_then(Result::ok);
    let body = body.and_then(|body| serde_json::from_slice::<Value>(&body.to_bytes()).ok()).unwrap_or_default();
    ModelFailure::Refused { status, code: code_in(&body), retry_after, part: RefusedPart::of(&body, tools) }
}

/// The known word for the error in the body of a response.
fn code_in(body: &Value) -> Option<&'static str> {
    known_code(body.get("error")?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_error_of_a_response_is_looked_for_where_endpoints_put_it() {
        for (body, code) in [
            (json!({"error": {"message": "sk-1", "code": "model_not_found"}}), Some("model_not_found")),
            (json!({"error": "sk-1"}), None),
            (json!({"code": "model_not_found"}), None),
            (Value::Null, None),
        ] {
            assert_eq!(code_in(&body), code, "{body}");
        }
    }
}
