//! `Collector`: an OpenTelemetry collector for the tests, and a gateway that sends to it.

use std::fmt::Debug;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::Listener;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::program_process::{Program, command, last_word, output, stdout};
use crate::support::{Answer, Caller, Worker, ended, within};

/// A request to the collector.
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn read(&self) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest::decode(self.body.clone()).unwrap()
    }
}

/// A collector that takes everything.
pub(crate) struct Collector {
    pub(crate) url: String,
    requests: mpsc::UnboundedReceiver<Request>,
    _task: AbortOnDropHandle<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self::serve(listener, url)
    }

    pub(crate) fn serve(listener: impl Listener<Addr: Debug>, url: String) -> Self {
        let (sender, requests) = mpsc::unbounded_channel();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::new(sender));
        let serve = async move { axum::serve(listener, router).await.unwrap() };
        Self { url, requests, _task: AbortOnDropHandle::new(tokio::spawn(serve)) }
    }

    pub(crate) async fn next(&mut self) -> Request {
        within(self.requests.recv()).await.unwrap()
    }

    /// All spans that came, from a gateway that is gone.
    pub(crate) fn spans(mut self) -> Vec<Span> {
        let requests = std::iter::from_fn(|| self.requests.try_recv().ok());
        requests.flat_map(|request| spans(request.read())).collect()
    }
}

async fn take(
    State(requests): State<Arc<mpsc::UnboundedSender<Request>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    requests.send(Request { headers, body }).unwrap();
    StatusCode::OK
}

pub(crate) fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans).flat_map(|spans| spans.spans).collect()
}

/// An attribute that is a text.
pub(crate) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        other => panic!("{key}: {other:?}"),
    }
}

/// A gateway that sends calls to a collector, with a worker and a caller.
pub(crate) struct Setup {
    pub(crate) program: Program,
    pub(crate) worker: Worker,
    pub(crate) caller: Caller,
    folder: TempDir,
}

impl Setup {
    /// With more arguments and variables than the collector's.
    pub(crate) async fn start(endpoint: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let mut command = command(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--otlp-endpoint", endpoint]);
        command.args(arguments).envs(variables.iter().copied());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let program = Program::logging_to(log, command).await;
        let added = output(&["entity", "add", "orders", "--data", data]).await;
        let mut worker = program.dial(last_word(&stdout(&added))).welcomed().await;
        worker.register(&["look_up"]).await;
        let caller = Caller::at(&program.url).key(last_word(&program.before[0]));
        Self { program, worker, caller, folder }
    }

    /// A call that the worker answers; returns its `traceparent` at the worker, and the answer.
    pub(crate) async fn call(&mut self, traceparent: Option<&'static str>) -> (String, Answer) {
        let caller = self.caller.clone();
        let call = tokio::spawn(async move {
            let headers: Vec<_> = traceparent.map(|traceparent| ("traceparent", traceparent)).into_iter().collect();
            caller.send_with("/v1/tools/look_up/call", &headers, json!({"arguments": {"order": "hush-argument"}})).await
        });
        let sent = self.worker.expect("tool_call").await;
        self.worker.answer(&sent, json!("hush-result")).await;
        (sent["params"]["_context"]["traceparent"].as_str().unwrap().to_owned(), ended(call).await)
    }

    /// Stops the gateway in order, waits for it, and returns what it logged.
    pub(crate) async fn stop(mut self) -> String {
        self.program.signal("-TERM").await;
        self.worker.closed().await;
        drop(self.worker);
        assert_eq!(self.program.exit_code().await, Some(0));
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}
