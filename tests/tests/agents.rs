//! Tests with real callers, agents and workers: from a caller's message to an agent to the function that is called for it.

use futures::StreamExt;
use futures::stream::BoxStream;
use platools::client::Event;
use platools::{Context, Secret, ToolRegistry, tool, tools};
use platools_client::{ChatEvent, ChatItem, RequestErrorKind, RpcClient};
use platools_gateway::{Gateway, Role as GatewayRole, dev};
use platools_protocol::rpc::{ErrorCode, Role, RunStatus};
use platools_tests::{Worker, client, quick, rpc_client, within};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Messages of the tools to the test.
type Diary = mpsc::UnboundedSender<&'static str>;

/// Double a number.
#[tool]
async fn double(number: i64) -> i64 {
    number * 2
}

/// Say for whom this is done.
#[tool(auth = "user")]
async fn whoami(ctx: &Context) -> String {
    ctx.user_id().unwrap_or("nobody").to_owned()
}

/// Wait until nobody wants the answer.
#[tool]
async fn wait(diary: &Diary, ctx: &Context) {
    diary.send("begun").expect("the test reads it");
    ctx.cancelled().await;
    diary.send("cancelled").expect("the test reads it");
}

/// A gateway, a worker on it, and what its tools tell.
async fn setup() -> (Gateway, Worker, mpsc::UnboundedReceiver<&'static str>) {
    let gateway = within(dev::start(dev::DevOptions::with_known_secrets())).await.expect("a gateway");
    let (sender, diary) = mpsc::unbounded_channel();
    let registry = ToolRegistry::new().with_state::<Diary>(sender);
    let registry = registry.with_tools(tools![double, whoami, wait]).expect("valid tools");
    let worker = Worker::start(client(&gateway.url(), &registry).secret(dev::SECRET).reconnect(quick()));
    registered(&mut worker.handle().events()).await;
    (gateway, worker, diary)
}

/// Waits until the gateway has the worker's tools.
async fn registered(events: &mut BoxStream<'static, Event>) {
    within(async { while !matches!(events.next().await, Some(Event::Registered(_))) {} }).await;
}

async fn caller(gateway: &Gateway) -> RpcClient {
    let key = gateway.add_key(GatewayRole::Operator).await.expect("a key");
    let caller = rpc_client(&gateway.url()).secret(Secret::from(key.expose_secret())).user_id("u-1");
    within(caller.connect()).await.expect("it connects")
}

#[tokio::test]
async fn what_is_said_to_an_agent_becomes_a_call_of_a_function_and_its_result_the_reply() {
    let (gateway, _worker, _) = setup().await;
    let caller = caller(&gateway).await;
    assert_eq!(caller.role(), Some(Role::Operator));
    let mut chat = within(caller.chat(dev::MAIN_AGENT, "/double number=21")).await.expect("it is sent");
    let mut seen = Vec::new();
    let reply = loop {
        match within(chat.next()).await.expect("it goes on").expect("it has not failed") {
            ChatItem::Event(ChatEvent::Agent(event)) => seen.push(format!("{:?}", event.status)),
            ChatItem::Event(ChatEvent::ToolCall(event)) => seen.push(format!("{} {}", event.tool, event.input)),
            ChatItem::Event(ChatEvent::ToolResult(event)) => seen.push(format!("{} = {}", event.tool, event.output)),
            ChatItem::Event(ChatEvent::Chat(event)) => seen.push(event.chunk),
            ChatItem::Reply(reply) => break reply,
            other => panic!("{other:?}"),
        }
    };
    let (started, completed) = (format!("{:?}", RunStatus::Started), format!("{:?}", RunStatus::Completed));
    assert_eq!(seen, [started.as_str(), r#"double {"number":21}"#, "double = 42", "42", completed.as_str()]);
    assert_eq!(reply.content, "42");

    let reply = within(caller.call_tool("whoami", json!({})).send::<String>()).await.expect("it answers");
    assert_eq!(reply.result, "u-1");
    let tools: Value = within(caller.call("tools.list", ())).await.expect("it answers");
    assert_eq!(tools["tools"].as_array().map(Vec::len), Some(3), "{tools}");
}

#[tokio::test]
async fn a_conversation_goes_on_when_the_gateway_comes_back() {
    let (gateway, worker, _) = setup().await;
    let caller = caller(&gateway).await;
    let conversation = caller.conversation(dev::MAIN_AGENT);
    let ask = async |message: &str| {
        let chat = within(conversation.say(message)).await.expect("it is sent");
        within(chat.reply()).await.expect("it answers")
    };
    let before = ask("/double number=1").await;
    let mut events = worker.handle().events();
    let gateway = within(within(gateway.stop()).await.start()).await.expect("it starts again");
    registered(&mut events).await;
    let after = ask("/double number=2").await;
    assert_eq!((after.content.as_str(), &after.session_id), ("4", &before.session_id));
    let history: Value =
        within(caller.call("chat.history", json!({"sessionId": after.session_id}))).await.expect("it answers");
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(8), "{history}");
    drop(gateway);
}

#[tokio::test]
async fn a_chat_that_is_dropped_gives_its_function_up() {
    let (gateway, _worker, mut diary) = setup().await;
    let caller = caller(&gateway).await;
    let chat = within(caller.chat(dev::MAIN_AGENT, "/wait")).await.expect("it is sent");
    assert_eq!(within(diary.recv()).await, Some("begun"));
    drop(chat);
    assert_eq!(within(diary.recv()).await, Some("cancelled"));
    let chat = within(caller.chat(dev::MAIN_AGENT, "/double number=3")).await.expect("it is sent");
    assert_eq!(within(chat.reply()).await.expect("the client goes on").content, "6");
}

#[tokio::test]
async fn a_client_that_goes_gives_its_function_up() {
    let (gateway, _worker, mut diary) = setup().await;
    let caller = caller(&gateway).await;
    let chat = within(caller.chat(dev::MAIN_AGENT, "/wait")).await.expect("it is sent");
    assert_eq!(within(diary.recv()).await, Some("begun"));
    within(caller.disconnect()).await;
    assert_eq!(within(diary.recv()).await, Some("cancelled"));
    assert!(within(chat.reply()).await.is_err());
}

#[tokio::test]
async fn a_wrong_token_may_look_and_nothing_else() {
    let (gateway, _worker, _) = setup().await;
    let stranger = rpc_client(&gateway.url()).secret(Secret::from("plt_key_wrong")).user_id("u-1");
    let stranger = within(stranger.connect()).await.expect("it connects");
    assert_eq!(stranger.role(), Some(Role::Viewer));
    let refused = within(stranger.call_tool("double", json!({"number": 1})).send::<i64>()).await.unwrap_err();
    assert_eq!(refused.kind(), RequestErrorKind::Gateway, "{refused}");
    assert_eq!(refused.code(), Some(&ErrorCode::Forbidden), "{refused}");
}
