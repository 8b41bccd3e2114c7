//! `Model`: an endpoint for chat completions for the tests, which sends exactly the given answers.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use axum::serve::Listener;
use futures::StreamExt as _;
use platools_gateway::Gateway;
use platools_gateway::dev::{self, DevOptions};
use platools_gateway::model::ModelSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::support::within;

/// Key that a gateway sends to its endpoint and to nobody else.
pub(crate) const KEY: &str = "sk-hush-0123456789";

/// An endpoint.
pub(crate) struct Model {
    pub(crate) url: String,
    asked: mpsc::UnboundedReceiver<Asked>,
    _server: AbortOnDropHandle<()>,
}

/// A request that waits for its answer.
pub(crate) struct Asked {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    answer: oneshot::Sender<Response<Body>>,
}

/// An answer that is being sent.
pub(crate) struct Answering(mpsc::Sender<io::Result<Bytes>>);

impl Model {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        Self::serve(listener, url)
    }

    pub(crate) fn serve<L: Listener<Addr: Debug>>(listener: L, url: String) -> Self {
        let (asking, asked) = mpsc::unbounded_channel();
        let router = Router::new().route("/v1/chat/completions", post(ask)).with_state(Arc::new(asking));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, _server: AbortOnDropHandle::new(server) }
    }

    pub(crate) fn settings(&self) -> ModelSettings {
        ModelSettings::new(&self.url).with(|model| {
            (model.name, model.key) = (Some("test-model".to_owned()), Some(KEY.to_owned().into()));
        })
    }

    /// The next request.
    pub(crate) async fn asked(&mut self) -> Asked {
        within(self.asked.recv()).await.expect("the server runs")
    }

    /// True if no request has come.
    pub(crate) fn is_left_alone(&mut self) -> bool {
        self.asked.try_recv().is_err()
    }
}

async fn ask(
    State(asking): State<Arc<mpsc::UnboundedSender<Asked>>>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let (answer, answered) = oneshot::channel();
    let body = serde_json::from_str(&body).unwrap();
    asking.send(Asked { headers, body, answer }).unwrap();
    answered.await.unwrap_or_else(|_| Response::builder().status(500).body(Body::empty()).unwrap())
}

impl Asked {
    /// Begins to answer.
    pub(crate) fn answering(self) -> Answering {
        let (sender, chunks) = mpsc::channel(1);
        let chunks = futures::stream::unfold(chunks, async |mut chunks| Some((chunks.recv().await?, chunks)));
        self.respond(StatusCode::OK, &[("content-type", "text/event-stream")], Body::from_stream(chunks.boxed()));
        Answering(sender)
    }

    /// Answers with an error.
    pub(crate) fn refuse(self, status: u16, headers: &[(&str, &str)], body: impl Into<String>) {
        self.respond(StatusCode::from_u16(status).unwrap(), headers, Body::from(body.into()));
    }

    fn respond(self, status: StatusCode, headers: &[(&str, &str)], body: Body) {
        let response = Response::builder().status(status);
        let response = headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
        self.answer.send(response.body(body).unwrap()).expect("the gateway waits");
    }

    /// Says something, and that this was all. It cost 10 and 5 tokens.
    pub(crate) async fn says(self, text: &str) {
        let answering = self.answering();
        answering.delta(json!({"role": "assistant", "content": text})).await;
        answering.end("stop").await;
    }

    /// Calls tools: id, name and arguments of each. It cost 10 and 5 tokens.
    pub(crate) async fn calls(self, calls: &[(&str, &str, &str)]) {
        let answering = self.answering();
        answering.call(calls).await;
        answering.end("tool_calls").await;
    }

    /// The messages that the model is told, from some place on.
    pub(crate) fn messages(&self, from: usize) -> Value {
        Value::Array(self.body["messages"].as_array().unwrap()[from..].to_vec())
    }
}

impl Answering {
    pub(crate) async fn bytes(&self, bytes: &[u8]) {
        within(self.0.send(Ok(Bytes::copy_from_slice(bytes)))).await.expect("the gateway reads on");
    }

    async fn event(&self, chunk: Value) {
        self.bytes(format!("data: {chunk}\n\n").as_bytes()).await;
    }

    pub(crate) async fn delta(&self, delta: Value) {
        self.event(json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}))
            .await;
    }

    pub(crate) async fn call(&self, calls: &[(&str, &str, &str)]) {
        for (index, (id, name, arguments)) in calls.iter().enumerate() {
            let (head, tail) = arguments.split_at(arguments.len() / 2);
            let begin = json!({"name": name, "arguments": head});
            self.delta(json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": begin}]}))
                .await;
            self.delta(json!({"tool_calls": [{"index": index, "function": {"arguments": tail}}]})).await;
        }
    }

    pub(crate) async fn end(self, reason: &str) {
        self.end_with(reason, (10, 5)).await;
    }

    /// Ends the answer, which cost so many tokens that were read and written.
    pub(crate) async fn end_with(self, reason: &str, (read, written): (u64, u64)) {
        self.event(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})).await;
        self.event(json!({"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": written}})).await;
        self.bytes(b"data: [DONE]\n\n").await;
    }

    /// Ends the connection in the middle.
    pub(crate) async fn cut(self) {
        let _ = within(self.0.send(Err(io::ErrorKind::BrokenPipe.into()))).await;
    }

    /// Waits until the gateway has gone away.
    pub(crate) async fn given_up(&self) {
        within(self.0.closed()).await;
    }
}

/// A gateway whose agent `main` thinks with a model.
pub(crate) async fn thinking_gateway(model: ModelSettings) -> Gateway {
    within(dev::start(DevOptions { model: Some(model), ..DevOptions::with_known_secrets() })).await.unwrap()
}
