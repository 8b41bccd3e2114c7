//! Tests of the official MCP client for Rust against the gateway.

use platools_gateway::dev;
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, ClientConfig, Implementation, ProtocolVersion};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::json;

use crate::mcp_raw_client::worker;
use crate::support::{dev_gateway, http, within};

#[tokio::test]
async fn the_official_client_lists_and_calls_in_every_revision() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["echo"]).await;
    for revision in ProtocolVersion::KNOWN_VERSIONS {
        let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", gateway.url()));
        let transport = StreamableHttpClientTransport::with_client(http(), config.auth_header(dev::ADMIN_KEY));
        let mut client = ClientConfig::new(Default::default(), Implementation::new("test", "1"));
        client.protocol_version = revision.clone();
        let client = within(client.serve(transport)).await.unwrap();
        let tools = within(client.list_all_tools()).await.unwrap();
        assert_eq!(tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["echo"], "{revision}");
        let mut params = CallToolRequestParams::default();
        params.name = "echo".into();
        params.arguments = json!({"n": 1}).as_object().cloned();
        let call = client.call_tool(params);
        let answer = async {
            let frame = worker.expect("tool_call").await;
            worker.answer(&frame, frame["params"]["n"].clone()).await;
        };
        let (result, ()) = tokio::join!(within(call), answer);
        assert_eq!(result.unwrap().is_error, Some(false), "{revision}");
        within(client.cancel()).await.unwrap();
    }
}

#[tokio::test]
async fn large_arguments_reach_the_worker_as_they_are() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["echo"]).await;
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", gateway.url()));
    let transport = StreamableHttpClientTransport::with_client(http(), config.auth_header(dev::ADMIN_KEY));
    let client = within(ClientConfig::new(Default::default(), Implementation::new("test", "1")).serve(transport));
    let client = client.await.unwrap();
    let text = "é \\ \" {".repeat(100_000);
    let mut params = CallToolRequestParams::default();
    params.name = "echo".into();
    params.arguments = json!({"text": text, "n": 1}).as_object().cloned();
    let answer = async {
        let frame = worker.expect("tool_call").await;
        assert_eq!((frame["params"]["text"].as_str(), &frame["params"]["n"]), (Some(&*text), &json!(1)));
        worker.answer(&frame, json!("done")).await;
    };
    let (result, ()) = tokio::join!(within(client.call_tool(params)), answer);
    assert_eq!(result.unwrap().is_error, Some(false));
    within(client.cancel()).await.unwrap();
}
