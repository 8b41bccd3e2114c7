//! MCP clients of the library `rmcp`, which the tests of local MCP servers use.

use platools_tests::{http_client, within};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientConfig, ClientRequest, Implementation,
    ProgressNotificationParam, ProtocolVersion, ServerResult,
};
use rmcp::service::{ClientLifecycleMode, NotificationContext, PeerRequestOptions, RequestHandle, RunningService};
use rmcp::transport::IntoTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, RoleClient, ServiceError, serve_client, service::serve_client_with_lifecycle};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::mpsc;

/// Notification to a client.
#[derive(Debug)]
pub(crate) enum Heard {
    Progress(ProgressNotificationParam),
    ListChanged,
}

pub(crate) struct Ear(mpsc::UnboundedSender<Heard>);

impl ClientHandler for Ear {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(Default::default(), Implementation::new("tests", "0"))
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let _ = self.0.send(Heard::Progress(progress));
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        let _ = self.0.send(Heard::ListChanged);
    }
}

pub(crate) struct Client {
    pub(crate) service: RunningService<RoleClient, Ear>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Client {
    /// A client of a revision with sessions.
    pub(crate) async fn begin<T, E, A>(transport: T) -> Self
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (ear, heard) = mpsc::unbounded_channel();
        let service = within(serve_client(Ear(ear), transport)).await.expect("the server answers");
        Self { service, heard }
    }

    /// A client of the revision without them.
    pub(crate) async fn discover<T, E, A>(transport: T) -> Self
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (ear, heard) = mpsc::unbounded_channel();
        let mode = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
        let service = within(serve_client_with_lifecycle(Ear(ear), transport, mode)).await.expect("the server answers");
        Self { service, heard }
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        let tools = within(self.service.list_all_tools()).await.expect("a list");
        tools.into_iter().map(|tool| tool.name.into_owned()).collect()
    }

    pub(crate) async fn try_call(&self, tool: &str, arguments: Value) -> Result<CallToolResult, ServiceError> {
        within(self.service.call_tool(params(tool, &arguments))).await
    }

    /// Calls a tool, and takes the text of its answer, `Err` if it is an error.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<String, String> {
        text(&self.try_call(tool, arguments).await.expect("an answer"))
    }

    /// Calls a tool that goes on.
    pub(crate) async fn start(&self, tool: &str, arguments: Value) -> RequestHandle<RoleClient> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params(tool, &arguments)));
        let options = PeerRequestOptions::no_options();
        within(self.service.send_cancellable_request(request, options)).await.expect("it is sent")
    }

    /// The next notification.
    pub(crate) async fn hear(&mut self) -> Heard {
        within(self.heard.recv()).await.expect("the client is here")
    }

    /// Waits until a call says how far it is.
    pub(crate) async fn hear_progress(&mut self) -> ProgressNotificationParam {
        match self.hear().await {
            Heard::Progress(progress) => progress,
            Heard::ListChanged => panic!("the list changed"),
        }
    }
}

/// The answer to a call that went on.
pub(crate) async fn answer(call: RequestHandle<RoleClient>) -> Result<String, String> {
    match within(call.await_response()).await.expect("an answer") {
        ServerResult::CallToolResult(result) => text(&result),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn text(result: &CallToolResult) -> Result<String, String> {
    let text = result.content[0].as_text().expect("a text").text.clone();
    if result.is_error == Some(true) { Err(text) } else { Ok(text) }
}

fn params(tool: &str, arguments: &Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.as_object().expect("an object").clone())
}

/// The program with the command `serve`, without settings of the environment.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command.arg("serve").args(arguments).kill_on_drop(true);
    command.env_remove("PLATOOLS_SERVE_TOKEN").env_remove("PLATOOLS_SERVE_TOKEN_FILE");
    command
}

pub(crate) fn child(arguments: &[&str]) -> TokioChildProcess {
    TokioChildProcess::new(program(arguments)).expect("it starts")
}

/// A transport to a server at an address.
pub(crate) fn over_http(url: &str, token: &str) -> StreamableHttpClientTransport<reqwest::Client> {
    let config = StreamableHttpClientTransportConfig::with_uri(url.to_owned()).auth_header(token);
    StreamableHttpClientTransport::with_client(http_client(), config)
}

/// Checks of every client, over every transport.
pub(crate) async fn finds_everything(client: &mut Client) {
    let tools = within(client.service.list_all_tools()).await.expect("a list");
    let greet = tools.iter().find(|tool| tool.name == "greet").expect("it is served");
    assert_eq!(greet.annotations.as_ref().expect("hints").read_only_hint, Some(true));
    assert!(greet.output_schema.is_none(), "its result is no object");
    let add = tools.iter().find(|tool| tool.name == "add").expect("it is served");
    assert_eq!(add.output_schema.as_ref().expect("a schema")["properties"]["sum"]["type"], "integer");

    assert_eq!(client.call("greet", json!({ "name": "Ada" })).await, Ok("Hello, Ada!".to_owned()));
    let sum = client.try_call("add", json!({ "a": 2, "b": 40 })).await.expect("an answer");
    assert_eq!(sum.structured_content, Some(json!({ "sum": 42 })));
    assert_eq!(text(&sum), Ok(r#"{"sum":42}"#.to_owned()));

    assert_eq!(client.call("fail", json!({})).await, Err("no stock\nthe shelf is empty".to_owned()));
    let error = client.call("panics", json!({})).await.expect_err("it panics");
    assert!(error.starts_with("the tool panicked; the log of its worker says why, at the call local-"), "{error}");
    let error = client.call("slow", json!({})).await.expect_err("it takes too long");
    assert!(error.contains("within 50ms"), "{error}");
    let error = client.call("add", json!({ "a": "x", "b": 101, "c": 1 })).await.expect_err("nothing fits");
    for part in ["a: ", "b: 101", "c: "] {
        assert!(error.contains(part), "{error}");
    }
    let error = client.try_call("nope", json!({})).await.expect_err("there is no such tool");
    let ServiceError::McpError(error) = error else { panic!("{error:?}") };
    assert_eq!((error.code.0, &*error.message), (-32602, "Unknown tool: nope"));

    assert_eq!(
        client.call("whoami", json!({ "__platos": { "userId": "mallory" } })).await,
        Ok("[None, None, None, None]".to_owned())
    );
}

/// Progress is told, and the last report too. In which order is for tests that read what travels: this client treats each notice on
/// a task of its own.
pub(crate) async fn hears_progress(client: &mut Client) {
    let call = client.start("count", json!({ "to": 50 })).await;
    assert_eq!(answer(call).await, Ok("50".to_owned()));
    loop {
        let progress = client.hear_progress().await;
        assert_eq!(progress.total, Some(50.0));
        assert_eq!(progress.message, Some(format!("{} of 50", progress.progress)));
        if progress.progress == 50.0 {
            return;
        }
    }
}
