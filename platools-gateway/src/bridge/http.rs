//! [`Http`]: the HTTP transport with which the bridge's MCP client, from the library `rmcp`, reaches the gateway's `/mcp`. It repeats a
//! request that cannot have arrived.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error;
use platools_gateway::net::{self, Connector, HttpClient};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use secrecy::{ExposeSecret as _, SecretString};
use sse_stream::{Sse, SseStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// The longest wait for a gateway that cannot be reached. A restarted gateway is back by then.
const RECONNECT_LIMIT: Duration = Duration::from_secs(30);

/// The delay between two attempts.
const RETRY: Duration = Duration::from_millis(250);

/// The longest answer that is not a stream: more than a gateway ever sends.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A client of a gateway, with a key.
#[derive(Clone)]
pub(super) struct Http {
    client: HttpClient,
    key: HeaderValue,
    /// The number of sessions that were opened.
    sessions: watch::Sender<u64>,
    refused: Arc<Mutex<Option<String>>>,
}

/// Hides the key.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

/// Reasons why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("the gateway cannot be reached")]
    Unreachable(#[source] Error),
    #[error("the connection to the gateway broke")]
    Broken(#[source] Error),
    #[error("the request cannot be written")]
    Unwritable(#[from] axum::http::Error),
    #[error("the gateway's answer cannot be read: {0}")]
    Unreadable(String),
}

type Failed = StreamableHttpError<Unanswered>;

impl Http {
    pub(super) fn new(url: &Uri, key: &SecretString) -> anyhow::Result<Self> {
        let client = net::client(Connector::new(url)?);
        let mut key = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
            .ok()
            .context("the key has characters that no header takes")?;
        key.set_sensitive(true);
        Ok(Self { client, key, sessions: watch::Sender::new(0), refused: Arc::default() })
    }

    /// The number of sessions that were opened, and the changes of it.
    pub(super) fn sessions(&self) -> watch::Receiver<u64> {
        self.sessions.subscribe()
    }

    /// The reason why the gateway refused the last request, for the user who started the program.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a request; again where it certainly did not arrive.
    async fn send(
        &self,
        method: Method,
        uri: &str,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failed> {
        let headers: Vec<_> = headers.into_iter().chain([(AUTHORIZATION, self.key.clone())]).collect();
        let begun = Instant::now();
        loop {
            let mut request = Request::builder().method(method.clone()).uri(uri);
            for (name, value) in &headers {
                request = request.header(name, value);
            }
            let request = request.body(Full::new(body.clone())).map_err(Unanswered::from).map_err(Failed::Client)?;
            match self.client.request(request).await {
                Ok(response) => return self.taken(response).await,
                Err(error) if !error.is_connect() => return Err(Failed::Client(Unanswered::Broken(error))),
                Err(error) if begun.elapsed() >= RECONNECT_LIMIT => {
                    return Err(Failed::Client(Unanswered::Unreachable(error)));
                }
                Err(error) => tracing::debug!(%error, "the gateway cannot be reached; trying again"),
            }
            sleep(RETRY).await;
        }
    }

    /// The response, unless the gateway refuses.
    async fn taken(&self, response: Response<Incoming>) -> Result<Response<Incoming>, Failed> {
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_FOUND {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Ok(response);
        }
        let said = text(response).await.unwrap_or_default();
        let said: Option<serde_json::Value> = serde_json::from_str(&said).ok();
        let said = said.as_ref().and_then(reason).unwrap_or("no reason was given");
        let why = format!("the gateway refused the request ({status}): {said}");
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
        Err(Failed::UnexpectedServerResponse(Cow::Owned(why)))
    }
}

/// The reason in the answer of an endpoint, or in problem details, which come from before any endpoint.
fn reason(answer: &serde_json::Value) -> Option<&str> {
    answer["error"]["message"].as_str().or_else(|| answer["detail"].as_str())
}

async fn text(response: Response<Incoming>) -> Result<String, Failed> {
    let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
    let unreadable = |why: String| Failed::Client(Unanswered::Unreadable(why));
    let body = body.map_err(|error| unreadable(error.to_string()))?.to_bytes();
    String::from_utf8(body.into()).map_err(|error| unreadable(error.to_string()))
}

fn events(response: Response<Incoming>) -> BoxStream<'static, Result<Sse, SseError>> {
    SseStream::from_bytes_stream(response.into_body().into_data_stream()).boxed()
}

fn is(response: &Response<Incoming>, kind: &str) -> bool {
    let found = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    found.starts_with(kind)
}

fn named(name: HeaderName, value: &str) -> Result<(HeaderName, HeaderValue), Failed> {
    let value = HeaderValue::from_str(value).map_err(|error| Failed::Client(Unanswered::Unwritable(error.into())))?;
    Ok((name, value))
}

impl StreamableHttpClient for Http {
    type Error = Unanswered;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let is_opening = matches!(
            &message,
            ClientJsonRpcMessage::Request(request) if matches!(request.request, ClientRequest::InitializeRequest(_))
        );
        let had_session = session_id.is_some();
        let session = session_id.map(|id| named(SESSION, &id)).transpose()?;
        let forms = [(CONTENT_TYPE, HeaderValue::from_static(JSON)), named(ACCEPT, &format!("{EVENTS}, {JSON}"))?];
        let body = serde_json::to_vec(&message)?.into();
        let headers = custom_headers.into_iter().chain(session).chain(forms);
        let response = self.send(Method::POST, &uri, headers, body).await?;
        let session = response.headers().get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned);
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Ok(StreamableHttpPostResponse::Accepted),
            StatusCode::NOT_FOUND if had_session => Err(Failed::SessionExpired),
            StatusCode::NOT_FOUND => Err(Failed::UnexpectedServerResponse("there is no such endpoint".into())),
            _ => {
                if is_opening {
                    self.sessions.send_modify(|sessions| *sessions += 1);
                }
                if is(&response, EVENTS) {
                    return Ok(StreamableHttpPostResponse::Sse(events(response), session));
                }
                let message = serde_json::from_str(&text(response).await?)?;
                Ok(StreamableHttpPostResponse::Json(message, session))
            }
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        let headers = custom_headers.into_iter().chain([named(SESSION, &session_id)?]);
        self.send(Method::DELETE, &uri, headers, Bytes::new()).await.map(drop)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        let session = session_id.map(|id| named(SESSION, &id)).transpose()?;
        let after = last_event_id.map(|id| named(LAST_EVENT, &id)).transpose()?;
        let headers = custom_headers.into_iter().chain(session).chain(after).chain([named(ACCEPT, EVENTS)?]);
        let response = self.send(Method::GET, &uri, headers, Bytes::new()).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Err(Failed::SessionExpired),
            _ if is(&response, EVENTS) => Ok(events(response)),
            _ => Err(Failed::ServerDoesNotSupportSse),
        }
    }
}
