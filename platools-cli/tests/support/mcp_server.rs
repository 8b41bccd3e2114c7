//! An MCP server for the tests to host. Options make it behave well or badly. It speaks over standard input and output, or with `--http`
//! over a free port, which it prints.

#![expect(clippy::unwrap_used, reason = "what it cannot do fails the test")]

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
    ProgressNotificationParam, ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::transport::stdio;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServiceExt as _};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A server whose tools grow.
#[derive(Clone)]
struct Server {
    newest: ProtocolVersion,
    /// How many tools have been added.
    added: Arc<watch::Sender<usize>>,
}

fn tool(name: impl Into<Cow<'static, str>>, schema: Value) -> Tool {
    let Value::Object(schema) = schema else { panic!("a schema is an object") };
    Tool::new(name, "A tool.", schema)
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&self.newest))
    }

    /// Two tools a page.
    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let any = || json!({"type": "object"});
        let double = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        let mut tools = vec![
            tool("double", double).with_raw_output_schema(Arc::new(
                json!({"type": "object", "properties": {"twice": {"type": "integer"}}}).as_object().unwrap().clone(),
            )),
            tool("arguments.of", any()),
            tool("fail", any()),
            tool("count", any()),
            tool("wait", any()),
            tool("variables", any()),
            tool("grow", any()),
            tool("die", any()),
        ];
        tools.extend((0..*self.added.borrow()).map(|index| tool(format!("added_{index}"), any())));
        let from = request.and_then(|page| page.cursor).map_or(0, |cursor| cursor.parse().unwrap());
        let mut page = ListToolsResult::with_all_items(tools.iter().skip(from).take(2).cloned().collect());
        page.next_cursor = (from + 2 < tools.len()).then(|| (from + 2).to_string());
        Ok(page)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let text = |text: String| CallToolResult::success(vec![ContentBlock::text(text)]);
        Ok(match &*request.name {
            "double" => CallToolResult::structured(json!({"twice": arguments["n"].as_i64().unwrap() * 2})),
            "arguments.of" => text(arguments.to_string()),
            "fail" => CallToolResult::error(vec![ContentBlock::text("no such file")]),
            "count" => {
                let token = context.meta.get_progress_token().unwrap();
                for step in 1..=3 {
                    let progress = ProgressNotificationParam::new(token.clone(), f64::from(step)).with_total(3.0);
                    context.peer.notify_progress(progress).await.unwrap();
                }
                // The test ends the call once it has seen progress: the other side may treat a result before progress that came with it.
                let finish = arguments["finish"].as_str().unwrap();
                while !std::fs::exists(finish).unwrap() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                text("counted".to_owned())
            }
            "wait" => {
                let started = arguments["started"].as_str().unwrap().to_owned();
                std::fs::write(&started, "").unwrap();
                context.ct.cancelled().await;
                std::fs::write(arguments["cancelled"].as_str().unwrap(), "").unwrap();
                text(String::new())
            }
            "variables" => text(std::env::vars().map(|(name, _)| name).collect::<Vec<_>>().join(" ")),
            "grow" => {
                self.added.send_modify(|added| *added += 1);
                if context.protocol_version().is_some_and(|version| version.has_initialize()) {
                    context.peer.notify_tool_list_changed().await.unwrap();
                }
                text(String::new())
            }
            "die" => std::process::abort(),
            name => text(format!("{name} was added")),
        }
        .into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut added = self.added.subscribe();
        loop {
            tokio::select! {
                Ok(()) = added.changed() => subscription.sink().notify_tool_list_changed().await.unwrap(),
                () = subscription.cancelled() => return Ok(()),
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let newest = if arguments.iter().any(|argument| argument == "--legacy") {
        ProtocolVersion::LATEST_WITH_INITIALIZE
    } else {
        ProtocolVersion::LATEST
    };
    let server = Server { newest, added: Arc::new(watch::Sender::new(0)) };
    if !arguments.iter().any(|argument| argument == "--http") {
        server.serve(stdio()).await.unwrap().waiting().await.unwrap();
        return;
    }
    let port = arguments.last().and_then(|port| port.parse().ok()).unwrap_or(0);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::<LocalSessionManager>::default(),
        StreamableHttpServerConfig::default(),
    );
    let authorized =
        axum::middleware::from_fn(async |request: axum::extract::Request, next: axum::middleware::Next| {
            let token = request.headers().get("authorization").map(|token| token.to_str().unwrap().to_owned());
            if token.as_deref() == Some("Bearer the-token") {
                next.run(request).await
            } else {
                axum::response::IntoResponse::into_response(axum::http::StatusCode::UNAUTHORIZED)
            }
        });
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service).layer(authorized)).await.unwrap();
}
