//! Tests of `mcp`, the bridge from standard streams to a gateway.
#![expect(deprecated, reason = "the revisions in use have a log")]

use std::process::Stdio;
use std::sync::Arc;

use platools_gateway::{Gateway, dev};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelledNotificationParam, ClientConfig, ClientRequest, LoggingLevel,
    LoggingMessageNotificationParam, ProgressNotificationParam, RequestMetaObject, SetLevelRequestParams,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RunningService};
use rmcp::{ClientHandler, RoleClient, ServiceExt as _};
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::sync::Notify;

use crate::mcp_raw_client::worker;
use crate::program_process::command;
use crate::support::{Dial, dev_gateway, within};

/// A client that waits for news.
#[derive(Clone, Default)]
pub(crate) struct Listener {
    lists: Arc<Notify>,
    progress: Arc<Notify>,
    logged: Arc<Notify>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::default()
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.lists.notify_one();
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        assert_eq!(params.message.as_deref(), Some("half"));
        self.progress.notify_one();
    }

    async fn on_logging_message(&self, _: LoggingMessageNotificationParam, _: NotificationContext<RoleClient>) {
        self.logged.notify_one();
    }
}

/// The program, and a client that started it.
struct Bridged {
    child: Child,
    client: RunningService<RoleClient, Listener>,
}

fn bridge(url: &str) -> Command {
    let mut command = command(&["mcp", "--url", url]);
    command.env("PLATOOLS_GATEWAY_KEY", dev::ADMIN_KEY);
    command
}

impl Bridged {
    async fn to(gateway: &Gateway) -> Self {
        let mut child = bridge(&gateway.url()).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let client = within(Listener::default().serve(streams)).await.unwrap();
        Self { child, client }
    }

    async fn names(&self) -> Vec<String> {
        let tools = within(self.client.list_all_tools()).await.unwrap();
        tools.into_iter().map(|tool| tool.name.into_owned()).collect()
    }

    /// Closes the streams, and returns how the program ended.
    async fn exit_code(mut self) -> Option<i32> {
        within(self.client.cancel()).await.unwrap();
        within(self.child.wait()).await.unwrap().code()
    }
}

fn slow() -> CallToolRequestParams {
    let mut params = CallToolRequestParams::default();
    params.name = "slow".into();
    params.arguments = json!({"n": 1}).as_object().cloned();
    params
}

#[tokio::test]
async fn a_client_of_the_bridge_lists_calls_and_is_told() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let bridged = Bridged::to(&gateway).await;
    assert_eq!(bridged.client.peer_info().unwrap().server_info.as_ref().unwrap().name, "platools-gateway");
    assert_eq!(bridged.names().await, ["slow"]);
    let call = bridged.client.call_tool(slow());
    let served = async {
        let frame = worker.expect("tool_call").await;
        let progress = json!({"type": "tool_progress", "call_id": frame["call_id"], "progress": 1, "message": "half"});
        worker.send(progress).await;
        within(bridged.client.service().progress.notified()).await;
        worker.answer(&frame, json!({"b": 2})).await;
    };
    let (result, ()) = tokio::join!(within(call), served);
    assert_eq!(result.unwrap().content[0].as_text().unwrap().text, r#"{"b":2}"#);
    worker.register(&["slow", "other"]).await;
    within(bridged.client.service().lists.notified()).await;
    assert_eq!(bridged.names().await, ["slow", "other"]);
    let mut wrong = CallToolRequestParams::default();
    wrong.name = "nothing".into();
    let refused = within(bridged.client.call_tool(wrong)).await.unwrap_err();
    assert!(refused.to_string().contains("unknown tool"), "{refused}");
    assert_eq!(bridged.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_call_that_asks_for_its_log_is_told_it_over_the_bridge() {
    let gateway = dev_gateway().await;
    let mut worker = Dial::dev(&gateway).header("platools-features", "log").welcomed().await;
    worker.register(&["slow"]).await;
    let bridged = Bridged::to(&gateway).await;
    let mut meta = RequestMetaObject::default();
    meta.set_log_level(LoggingLevel::Info);
    let mut asking = slow();
    asking.meta = Some(meta);
    let call = bridged.client.call_tool(asking);
    let served = async {
        let frame = worker.expect("tool_call").await;
        let entry = json!({"type": "tool_log", "call_id": frame["call_id"], "level": "notice", "message": "half"});
        worker.send(entry).await;
        within(bridged.client.service().logged.notified()).await;
        worker.answer(&frame, json!("done")).await;
    };
    let (result, ()) = tokio::join!(within(call), served);
    assert_eq!(result.unwrap().content[0].as_text().unwrap().text, "done");
    assert_eq!(bridged.exit_code().await, Some(0));
}

#[tokio::test]
async fn what_a_client_of_the_bridge_cancels_is_cancelled_at_the_worker() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let bridged = Bridged::to(&gateway).await;
    let call = ClientRequest::CallToolRequest(CallToolRequest::new(slow()));
    let call = within(bridged.client.send_cancellable_request(call, PeerRequestOptions::no_options())).await.unwrap();
    let frame = worker.expect("tool_call").await;
    within(bridged.client.notify_cancelled(CancelledNotificationParam::new(Some(call.id.clone()), None)))
        .await
        .unwrap();
    assert_eq!(worker.expect("tool_cancel").await["call_id"], frame["call_id"]);
    // The end of the client is the end of what it asked for as well.
    let call = ClientRequest::CallToolRequest(CallToolRequest::new(slow()));
    let _call = within(bridged.client.send_cancellable_request(call, PeerRequestOptions::no_options())).await.unwrap();
    let frame = worker.expect("tool_call").await;
    assert_eq!(bridged.exit_code().await, Some(0));
    assert_eq!(worker.expect("tool_cancel").await["call_id"], frame["call_id"]);
}

#[tokio::test]
async fn the_bridge_outlives_a_restart_of_the_gateway() {
    let (gateway, secret, _) = crate::support::gateway_with(Gateway::builder()).await;
    let key = gateway.add_key(platools_gateway::Role::Operator).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{}\n", secrecy::ExposeSecret::expose_secret(&key))).unwrap();
    let mut command = command(&["mcp", "--url", &gateway.url(), "--key-file", file.to_str().unwrap()]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let client = within(Listener::default().serve(streams)).await.unwrap();
    let bridged = Bridged { child, client };
    assert_eq!(bridged.names().await, [""; 0]);
    within(bridged.client.set_level(SetLevelRequestParams::new(LoggingLevel::Debug))).await.unwrap();
    let stopped = within(gateway.stop()).await;
    // Asked while nobody listens there.
    let (names, gateway) = tokio::join!(bridged.names(), async { within(stopped.start()).await.unwrap() });
    assert_eq!(names, [""; 0]);
    let mut worker = crate::support::Dial::to(&gateway, "/ws/sdk").secret(&secret).welcomed().await;
    worker.register(&["slow"]).await;
    within(async {
        while bridged.names().await != ["slow"] {
            bridged.client.service().lists.notified().await;
        }
    })
    .await;
    // The new session knows from which level on the client wants to be told.
    let call = bridged.client.call_tool(slow());
    let answer = async {
        let frame = worker.expect("tool_call").await;
        worker.answer(&frame, json!(1)).await;
    };
    let (result, ()) = tokio::join!(within(call), answer);
    result.unwrap();
    within(bridged.client.service().logged.notified()).await;
    assert_eq!(bridged.exit_code().await, Some(0));
}

#[tokio::test]
async fn the_bridge_says_why_it_does_not_start() {
    let gateway = dev_gateway().await;
    let url = gateway.url();
    for (url, key, says) in [
        (&*url, "", "say with which key: `--key-file FILE`, or PLATOOLS_GATEWAY_KEY"),
        (&*url, "wr0ng", "401"),
        (&*format!("{url}/mcp/entities/nobody"), dev::ADMIN_KEY, "there is no such endpoint"),
        // An address that leads here and is no loopback address.
        (&*url.replace("127.0.0.1", "0.0.0.0"), dev::ADMIN_KEY, "add that to `http.names`"),
        ("gateway.example.com", "k", "begins with https:// or http://"),
    ] {
        let output = within(bridge(url).env("PLATOOLS_GATEWAY_KEY", key).output()).await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
        assert!(said.contains(says) && !said.contains("wr0ng"), "{said}");
    }
}

#[tokio::test]
async fn a_log_of_everything_has_no_key_and_no_arguments() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = bridge(&gateway.url());
    command.args(["--log-filter", "trace"]).stdin(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let streams = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let client = within(Listener::default().serve(streams)).await.unwrap();
    let bridged = Bridged { child, client };
    let mut params = slow();
    params.arguments = json!({"pin": "h1dden"}).as_object().cloned();
    let call = bridged.client.call_tool(params);
    let answer = async {
        let frame = worker.expect("tool_call").await;
        worker.answer(&frame, json!("h1dden")).await;
    };
    let (result, ()) = tokio::join!(within(call), answer);
    result.unwrap();
    assert_eq!(bridged.exit_code().await, Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("TRACE"), "{logged}");
    for hidden in [dev::ADMIN_KEY, "h1dden"] {
        assert!(!logged.contains(hidden), "{hidden}:\n{logged}");
    }
}

#[tokio::test]
async fn a_bridge_whose_client_goes_at_once_ends_in_order() {
    let gateway = dev_gateway().await;
    let output = within(bridge(&gateway.url()).output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{said}");
}
