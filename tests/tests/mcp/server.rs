//! [`Server`]: starts one of the two MCP servers, both with the same tools, and says in which answers they differ.

use futures::StreamExt as _;
use platools::client::Event;
use platools::tool::{Content, ContentBlock};
use platools::{Context, ToolDefinition, ToolError, ToolRegistry, tool, tools};
use platools_gateway::{Gateway, dev};
use platools_tests::{Gone, Worker, client, served, within};
use serde_json::{Value, json};

use super::client::Client;
use crate::serve::http::{Served, TOKEN};

/// A server under test.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) token: &'static str,
    /// Calls of `hold` that were given up.
    pub(crate) gone: Gone,
    pub(crate) differences: Differences,
    _behind: Behind,
}

/// The answers in which the servers differ.
pub(crate) struct Differences {
    /// The challenge of a request without a token. A gateway has no realm: it names metadata of authorization servers, if there are some.
    pub(crate) challenge: &'static str,
    /// The answer to a call of an unknown tool. A gateway has tools of several entities, and says which spelling it looked for.
    pub(crate) unknown_tool: &'static str,
    /// The setting that a result over the limit names.
    pub(crate) result_limit: &'static str,
}

/// The programs behind a server, which end with it.
enum Behind {
    Registry { _served: Served },
    Gateway { _gateway: Box<Gateway>, _worker: Worker },
}

impl Server {
    /// A registry that is served.
    pub(crate) async fn serve() -> Self {
        let gone = Gone::default();
        let served = Served::of(platools::serve::Server::new(registry(gone.clone()))).await;
        let differences = Differences {
            challenge: "Bearer realm=\"platools\"",
            unknown_tool: "Unknown tool: nope",
            result_limit: "`Server::max_result_bytes`",
        };
        Self { url: served.url.clone(), token: TOKEN, gone, differences, _behind: Behind::Registry { _served: served } }
    }

    /// A gateway with a worker that has the registry.
    pub(crate) async fn gateway() -> Self {
        let gone = Gone::default();
        let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("a gateway");
        let worker = Worker::start(client(&gateway.url(), &registry(gone.clone())).secret(dev::SECRET));
        let mut events = worker.handle().events();
        let registered =
            async { while !matches!(events.next().await.expect("the client lives"), Event::Registered(_)) {} };
        within(registered).await;
        let differences = Differences { challenge: "Bearer", unknown_tool: "nope", result_limit: "`mcp.max_result`" };
        let url = format!("{}/mcp", gateway.url());
        let behind = Behind::Gateway { _gateway: Box::new(gateway), _worker: worker };
        Self { url, token: dev::ADMIN_KEY, gone, differences, _behind: behind }
    }

    /// A client that has said nothing yet.
    pub(crate) fn client(&self) -> Client {
        Client::at(&self.url).with("authorization", &format!("Bearer {}", self.token))
    }

    /// A client with a session of the newest revision that has them.
    pub(crate) async fn session(&self) -> Client {
        self.client().opened("2025-11-25").await
    }
}

/// The tools that every server shows, and some that only this contract needs.
pub(crate) fn registry(gone: Gone) -> ToolRegistry {
    let object = json!({ "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] });
    let declared = |name: &str| {
        let mut tool = ToolDefinition::new(name, "Do it.", json!({ "type": "object" }));
        tool.output_schema = Some(object.clone());
        tool
    };
    let repeat = declared("repeat").handler(|arguments: Value, _| async move {
        let bytes = arguments["bytes"].as_u64().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        Ok::<_, ToolError>(json!({ "text": "x".repeat(bytes) }))
    });
    let mislead = declared("mislead").handler(|_: Value, _| async move { Ok::<_, ToolError>(json!({ "text": 7 })) });
    let mut content = Content::schema();
    content["properties"]["structuredContent"] = json!({ "type": "object" });
    let mut hear = ToolDefinition::new("hear", "Do it.", json!({ "type": "object" }));
    hear.output_schema = Some(content);
    hear.annotations = serde_json::from_value(json!({ "readOnlyHint": true })).expect("hints");
    let hear = hear.handler(|_: Value, context: Context| async move {
        context.progress(1.0).message("half").send();
        let audio = json!({ "type": "audio", "data": "AAAA", "mimeType": "audio/wav" });
        let link = json!({ "type": "resource_link", "uri": "file:///a", "name": "a" });
        let text = json!({ "type": "text", "text": "t" });
        Ok::<_, ToolError>(json!({ "content": [text, audio, link], "structuredContent": { "n": 7 } }))
    });
    let registry = served(gone).with_tools(vec![repeat, mislead, hear]).expect("valid tools");
    registry.with_tools(tools![draw]).expect("a valid tool")
}

/// Draw an image of so many bytes.
#[tool]
async fn draw(bytes: usize) -> Content {
    Content::from(ContentBlock::image("image/png", vec![0; bytes]))
}
