//! Tests of conversations with the command agent, over the services and without a protocol.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use platools::tool::Content;
use platools_gateway::agents::chat::{ChatReply, ChatRequest, ConversationQuery};
use platools_gateway::agents::{ChatEvent, ChatSink, Message};
use platools_gateway::domain::identity::Caller;
use platools_gateway::domain::ids::{ConversationId, RunId};
use platools_gateway::{Error, ErrorKind, Gateway, Role, dev};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{Dial, Worker, dev_gateway, within};

/// A caller of some role that speaks for a user.
async fn user(gateway: &Gateway, role: Role, user: &str) -> Caller {
    let key = gateway.add_key(role).await.unwrap();
    known(gateway, &key, user).await
}

async fn known(gateway: &Gateway, key: &SecretString, user: &str) -> Caller {
    let mut caller =
        gateway.core().authenticator.authenticate(key, std::net::IpAddr::from([127, 0, 0, 1])).await.unwrap();
    caller.user_id = Some(user.to_owned());
    caller
}

fn request(message: &str, conversation: Option<&ConversationId>) -> ChatRequest {
    ChatRequest {
        agent: dev::MAIN_AGENT.to_owned(),
        message: message.to_owned(),
        conversation: conversation.cloned(),
        channel: "test".to_owned(),
    }
}

async fn say(
    gateway: &Gateway,
    caller: &Caller,
    message: &str,
    conversation: Option<&ConversationId>,
) -> Result<ChatReply, Error> {
    within(gateway.core().conversations.chat(caller, request(message, conversation), &RunId::random(), &())).await
}

/// A worker with one tool, `lookup`, which takes an id.
async fn worker(gateway: &Gateway) -> Worker {
    worker_with(gateway, Value::Null).await
}

/// The same with a result of that schema.
async fn worker_with(gateway: &Gateway, output_schema: Value) -> Worker {
    let mut worker = Dial::dev(gateway).header("platools-features", "cancel").welcomed().await;
    let schema = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]});
    let declared = json!({
        "name": "lookup", "description": "Look up one order.\nAnd more.", "input_schema": schema,
        "output_schema": output_schema, "auth": "user", "roles": [], "annotations": {}
    });
    worker.send(json!({"type": "tool_register", "tools": [declared]})).await;
    worker.expect("tools_registered").await;
    worker
}

/// Events of a run, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Value>>>);

impl ChatSink for Seen {
    fn event(&self, event: ChatEvent<'_>) {
        self.0.lock().unwrap().push(match event {
            ChatEvent::Started { conversation, .. } => json!({"started": conversation.as_str()}),
            ChatEvent::Completed { conversation, .. } => json!({"completed": conversation.as_str()}),
            ChatEvent::Failed { conversation, .. } => json!({"failed": conversation.as_str()}),
            ChatEvent::Said { text, .. } => json!({"said": text}),
            ChatEvent::ToolCall { call, tool, input, .. } => {
                json!({"call": call.as_str(), "tool": tool, "input": input})
            }
            ChatEvent::ToolResult { call, tool, output, .. } => {
                json!({"call": call.as_str(), "tool": tool, "output": output})
            }
            _ => Value::Null,
        });
    }
}

#[tokio::test]
async fn a_command_calls_its_tool_as_whoever_gave_it_and_all_of_it_is_kept() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let (caller, seen) = (user(&gateway, Role::Operator, "u-1").await, Seen::default());
    let run = RunId::random();
    let chat = gateway.core().conversations.chat(&caller, request("/lookup id=42", None), &run, &seen);
    let answers = async {
        let frame = worker.expect("tool_call").await;
        assert_eq!((&frame["params"]["id"], &frame["params"]["_context"]["user.id"]), (&json!("42"), &json!("u-1")));
        worker.answer(&frame, json!({"status": "shipped"})).await;
        frame["call_id"].clone()
    };
    let (reply, call) = within(async { tokio::join!(chat, answers) }).await;
    let reply = reply.unwrap();
    assert_eq!(reply.content, r#"{"status":"shipped"}"#);
    let (input, output) = (json!({"id": "42"}), json!({"status": "shipped"}));
    let expected = [
        json!({"started": reply.conversation.as_str()}),
        json!({"call": call, "tool": "lookup", "input": input}),
        json!({"call": call, "tool": "lookup", "output": output}),
        json!({"said": reply.content}),
        json!({"completed": reply.conversation.as_str()}),
    ];
    assert_eq!(*seen.0.lock().unwrap(), expected);

    let (shown, messages) = gateway.core().conversations.get(&caller, &reply.conversation, None, 10).await.unwrap();
    assert_eq!((shown.agent.as_str(), shown.user_id.as_str(), shown.channel.as_str()), ("main", "u-1", "test"));
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[0].message, Message::user("/lookup id=42"));
    assert!(matches!(&messages[1].message, Message::Assistant { tool_calls, .. } if tool_calls[0].name == "lookup"));
    assert_eq!(messages[3].message, Message::assistant(reply.content, Vec::new()));
    let calls = gateway.core().calls.past(&caller, Default::default(), 10).await.unwrap().items;
    assert!(calls[0].summary.agent_id.is_some(), "the journal knows which agent called");
    assert_eq!(calls[0].summary.call_id.as_str(), call, "the journal knows the call by the id that was told");
}

#[tokio::test]
async fn an_agent_reads_the_texts_of_content_and_of_the_rest_what_it_is() {
    let gateway = dev_gateway().await;
    let mut worker = worker_with(&gateway, Content::schema()).await;
    let caller = user(&gateway, Role::Operator, "u-1").await;
    let text = json!({"type": "text", "text": "shipped"});
    let image = json!({"type": "image", "mimeType": "image/png", "data": "AAAA"});
    let read = r#"{"content":[{"type":"text","text":"shipped"},{"type":"image","mimeType":"image/png","bytes":3}]}"#;
    for (content, read) in [(json!([text]), r#""shipped""#), (json!([text, image]), read)] {
        let chat = say(&gateway, &caller, "/lookup id=42", None);
        let answers = async {
            let frame = worker.expect("tool_call").await;
            worker.answer(&frame, json!({"content": content})).await;
        };
        let (reply, ()) = within(async { tokio::join!(chat, answers) }).await;
        assert_eq!(reply.unwrap().content, read);
    }
}

#[tokio::test]
async fn help_names_the_tools_that_the_caller_may_call_and_anything_else_says_how() {
    let gateway = dev_gateway().await;
    let caller = user(&gateway, Role::Operator, "u-1").await;
    assert_eq!(say(&gateway, &caller, "/help", None).await.unwrap().content, "No tool is connected that you may call.");
    let _worker = worker(&gateway).await;
    let help = say(&gateway, &caller, "/help", None).await.unwrap().content;
    assert!(help.contains("- /lookup id=<string> - Look up one order.\n"), "{help}");
    for (message, part) in [
        ("hello", "Say `/help`"),
        ("/nothing", "There is no tool `nothing`"),
        ("/lookup id", "`id` is not like `name=value`"),
        ("/lookup", "`lookup` failed: invalid arguments: id: it is required and missing"),
    ] {
        let said = say(&gateway, &caller, message, None).await.unwrap().content;
        assert!(said.contains(part), "{message}: {said}");
    }
}

#[tokio::test]
async fn a_conversation_is_its_users_and_nobody_elses() {
    let gateway = dev_gateway().await;
    let (one, other) = (user(&gateway, Role::Operator, "u-1").await, user(&gateway, Role::Operator, "u-2").await);
    let admin = user(&gateway, Role::Admin, "boss").await;
    let id = say(&gateway, &one, "hello", None).await.unwrap().conversation;
    let listed = async |caller: &Caller| {
        let all = gateway.core().conversations.list(caller, ConversationQuery::default(), 10).await.unwrap();
        all.items.into_iter().map(|conversation| conversation.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&one).await, std::slice::from_ref(&id));
    assert_eq!(listed(&admin).await, std::slice::from_ref(&id));
    assert!(listed(&other).await.is_empty());
    let core = gateway.core();
    let unknown: ConversationId = "conv_none".into();
    for id in [&id, &unknown] {
        for refused in [
            core.conversations.get(&other, id, None, 10).await.map(drop),
            core.conversations.reset(&other, id).await,
            core.conversations.delete(&other, id).await,
            say(&gateway, &other, "hello", Some(id)).await.map(drop),
        ] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::NotFound);
            assert_eq!(refused.to_string(), format!("there is no conversation `{id}`"), "nothing is given away");
        }
    }
    core.conversations.reset(&one, &id).await.unwrap();
    assert!(core.conversations.get(&one, &id, None, 10).await.unwrap().1.is_empty());
    core.conversations.delete(&admin, &id).await.unwrap();
    assert!(listed(&one).await.is_empty());
}

#[tokio::test]
async fn messages_of_one_conversation_are_answered_one_after_the_other() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let caller = user(&gateway, Role::Operator, "u-1").await;
    let id = say(&gateway, &caller, "hello", None).await.unwrap().conversation;
    let core = gateway.core();
    let runs = ["first", "second"].map(|_| RunId::random());
    let mut first = Box::pin(core.conversations.chat(&caller, request("/lookup id=1", Some(&id)), &runs[0], &()));
    let mut second = Box::pin(core.conversations.chat(&caller, request("/lookup id=2", Some(&id)), &runs[1], &()));
    let frame = tokio::select! {
        frame = worker.expect("tool_call") => frame,
        end = &mut first => panic!("its tool has not answered: {end:?}"),
    };
    assert!(second.as_mut().now_or_never().is_none());
    // Another conversation does not wait.
    say(&gateway, &caller, "/help", None).await.unwrap();
    worker.answer(&frame, json!("one")).await;
    assert_eq!(within(first).await.unwrap().content, r#""one""#);
    let frame = tokio::select! {
        frame = worker.expect("tool_call") => frame,
        end = &mut second => panic!("its tool has not answered: {end:?}"),
    };
    assert_eq!(frame["params"]["id"], "2");
    worker.answer(&frame, json!("two")).await;
    assert_eq!(within(second).await.unwrap().content, r#""two""#);
}

#[tokio::test]
async fn a_run_that_is_given_up_cancels_its_call_and_leaves_the_conversation_to_others() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway).await;
    let caller = user(&gateway, Role::Operator, "u-1").await;
    let id = say(&gateway, &caller, "hello", None).await.unwrap().conversation;
    let run = RunId::random();
    let frame = {
        let mut chat =
            Box::pin(gateway.core().conversations.chat(&caller, request("/lookup id=1", Some(&id)), &run, &()));
        tokio::select! {
            frame = worker.expect("tool_call") => frame,
            end = &mut chat => panic!("its tool has not answered: {end:?}"),
        }
    };
    assert_eq!(worker.expect("tool_cancel").await["call_id"], frame["call_id"]);
    say(&gateway, &caller, "/help", Some(&id)).await.unwrap();
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_restart() {
    let gateway = dev_gateway().await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let caller = known(&gateway, &key, "u-1").await;
    let id = say(&gateway, &caller, "hello", None).await.unwrap().conversation;
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    let caller = known(&gateway, &key, "u-1").await;
    assert_eq!(say(&gateway, &caller, "/help", Some(&id)).await.unwrap().conversation, id);
    let (_, messages) = gateway.core().conversations.get(&caller, &id, None, 3).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.position).collect::<Vec<_>>(), [1, 2, 3], "the last ones");
    let (_, earlier) = gateway.core().conversations.get(&caller, &id, Some(1), 3).await.unwrap();
    assert_eq!(earlier[0].message, Message::user("hello"));
}

#[tokio::test]
async fn who_may_not_chat_is_told_why() {
    let gateway = dev_gateway().await;
    let operator = user(&gateway, Role::Operator, "u-1").await;
    let viewer = user(&gateway, Role::Viewer, "u-1").await;
    let mut nobody = operator.clone();
    nobody.user_id = None;
    let refused = async |caller: &Caller, request: ChatRequest| {
        within(gateway.core().conversations.chat(caller, request, &RunId::random(), &())).await.unwrap_err().kind()
    };
    assert_eq!(refused(&viewer, request("hello", None)).await, ErrorKind::Forbidden);
    assert_eq!(refused(&nobody, request("hello", None)).await, ErrorKind::InvalidRequest);
    assert_eq!(refused(&operator, request(" ", None)).await, ErrorKind::InvalidRequest);
    let unknown = ChatRequest { agent: "nobody".to_owned(), ..request("hello", None) };
    assert_eq!(refused(&operator, unknown).await, ErrorKind::NotFound);
}
