//! Tests of channels of agents, and their messages.

use futures::future::join_all;
use platools_gateway::Role;
use platools_gateway::admin::NewKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::runtime_agent::{Agent, patient, started};
use crate::support::{Caller, within};

#[tokio::test]
async fn a_channel_is_made_found_joined_and_left() {
    let gateway = started().await;
    let (owner, other) = (Agent::new(&gateway, "owner").await, Agent::new(&gateway, "other").await);
    let new = json!({
        "slug": "general", "name": "General", "description": "Everything", "metadata": {"a": 1}, "channelType": "custom",
        "isPublic": true,
    });
    let made = owner.http.post("/v1/channels", new).await;
    assert_eq!(made.status, 201);
    let id = made.body["id"].as_str().unwrap();
    assert!(id.starts_with("chan_"), "{made:?}");
    let expected = json!({
        "id": id, "slug": "general", "name": "General", "description": "Everything", "channelType": "custom",
        "isPublic": true, "metadata": {"a": 1}, "memberCount": 1, "isMember": true, "createdAt": made.body["createdAt"],
    });
    assert_eq!(made.body, expected);
    assert_eq!(owner.get(&format!("/v1/channels/{id}")).await, expected);

    let seen = other.get("/v1/channels/general").await;
    assert_eq!((&seen["isMember"], &seen["memberCount"]), (&json!(false), &json!(1)));
    for _ in 0..2 {
        assert_eq!(other.post("/v1/channels/general/join", Value::Null).await, json!({"success": true}));
    }
    let seen = other.get("/v1/channels/general").await;
    assert_eq!((&seen["isMember"], &seen["memberCount"]), (&json!(true), &json!(2)));
    other.connect().await;
    let members = owner.get("/v1/channels/general/members").await["members"].clone();
    let roles: Vec<_> = members.as_array().unwrap().iter().map(|m| (&m["agentAddress"], &m["role"])).collect();
    assert_eq!(roles, [(&json!("owner"), &json!("owner")), (&json!("other"), &json!("member"))]);
    assert!(members[0]["joinedAt"].is_string() && members[0]["displayName"].is_null(), "{members}");
    let online = owner.get("/v1/channels/general/presence").await["online"].clone();
    assert_eq!((&online[0]["agentAddress"], online.as_array().unwrap().len()), (&json!("other"), 1));
    for _ in 0..2 {
        assert_eq!(other.post("/v1/channels/general/leave", Value::Null).await, json!({"success": true}));
    }
    assert_eq!(owner.get("/v1/channels/general").await["memberCount"], 1);
}

#[tokio::test]
async fn what_is_not_offered_or_malformed_is_refused() {
    let gateway = started().await;
    let agent = Agent::new(&gateway, "owner").await;
    agent.channel("taken").await;
    for (body, status, words) in [
        (json!({"slug": "taken", "name": "x"}), 409, "there is a channel `taken` already"),
        (json!({"slug": "x", "name": "x", "isPublic": false}), 400, "no private channels"),
        (json!({"slug": "x", "name": "x", "channelType": "community"}), 400, "must be `custom`"),
        (json!({"slug": "x", "name": "x", "maxMembers": 3}), 400, "there is no member `maxMembers`"),
        (json!({"slug": "a b", "name": "x"}), 400, "is not a slug"),
        (json!({"slug": "chan_1", "name": "x"}), 400, "must not begin with `chan_`"),
        (json!({"slug": "x", "name": " "}), 400, "`name` must have"),
        (json!({"slug": "x", "name": "x".repeat(201)}), 400, "`name` must have"),
        (json!({"slug": "x", "name": "x", "description": "x".repeat(2001)}), 400, "`description` must have"),
        (json!({"slug": "x", "name": "x", "metadata": 7}), 400, "`metadata` must be a JSON object"),
        (json!({"slug": "x", "name": "x", "metadata": {"x": "y".repeat(9000)}}), 400, "at most 8192"),
        (json!({"slug": "x"}), 400, "`name` is required"),
    ] {
        let (refused, error) = agent.refused("POST", "/v1/channels", body.clone()).await;
        assert!(refused == status && error.contains(words), "{body}: {refused} {error}");
    }
    let messages = "/v1/channels/taken/messages";
    for (body, words) in [
        (json!({"content": ""}), "`content` must have"),
        (json!({"content": "x".repeat(64 * 1024 + 1)}), "`content` must have"),
        (json!({"content": "x", "messageType": "a b"}), "`messageType` must have"),
        (json!({"content": "x", "messageType": ""}), "`messageType` must have"),
        (json!({"content": "x", "metadata": "no"}), "`metadata` must be a JSON object"),
        (json!({}), "`content` is required"),
    ] {
        let (status, error) = agent.refused("POST", messages, body).await;
        assert!(status == 400 && error.contains(words), "{error}");
    }
    agent.say("taken", &"x".repeat(64 * 1024)).await;
    agent.post(messages, json!({"content": "x", "signature": "0x"})).await;
    let gone = format!("{messages}?before=msg_1");
    assert!(agent.refused("GET", &gone, Value::Null).await.1.contains("`before`"));
}

#[tokio::test]
async fn the_list_begins_with_the_channels_the_agent_is_in() {
    let gateway = started().await;
    let (owner, other) = (Agent::new(&gateway, "owner").await, Agent::new(&gateway, "other").await);
    for number in 0..60 {
        owner.channel(&format!("c-{number:02}")).await;
    }
    other.post("/v1/channels/c-55/join", Value::Null).await;
    let page = other.get("/v1/channels?limit=50").await;
    assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(60), &json!(50), &json!(0)));
    let channels = page["channels"].as_array().unwrap();
    assert_eq!((channels.len(), &channels[0]["slug"], &channels[1]["slug"]), (50, &json!("c-55"), &json!("c-00")));
    assert!(channels.iter().skip(1).all(|channel| channel["isMember"] == false));
    let rest = other.get("/v1/channels?limit=50&offset=50").await;
    assert_eq!(rest["channels"].as_array().unwrap().len(), 10);
    for query in ["channelType=community", "isPublic=false"] {
        assert_eq!(other.get(&format!("/v1/channels?{query}")).await["channels"], json!([]));
    }
    assert_eq!(other.get("/v1/channels?channelType=custom&isPublic=true").await["total"], 60);
}

#[tokio::test]
async fn a_message_reaches_those_who_subscribe_its_sender_included() {
    let gateway = started().await;
    let (owner, other) = (Agent::new(&gateway, "owner").await, Agent::new(&gateway, "other").await);
    let channel = owner.channel("general").await;
    other.post("/v1/channels/general/join", Value::Null).await;
    let (mut first, mut second, mut deaf) = (owner.open().await, other.open().await, other.open().await);
    first.subscribe(&channel).await;
    second.subscribe(&channel).await;
    let body = json!({"content": "hello 東京", "messageType": "note", "metadata": {"n": 1.50}});
    let said = owner.http.post("/v1/channels/general/messages", body).await;
    assert_eq!(said.status, 201);
    let agent_id = owner.get("/v1/runtime/status").await["agentId"].clone();
    let expected = json!({
        "id": said.body["id"], "channelId": channel, "channelSlug": "general", "channelName": "general", "agentId": agent_id,
        "from": "owner", "fromName": null, "messageType": "note", "content": "hello 東京", "metadata": {"n": 1.5},
        "createdAt": said.body["createdAt"],
    });
    assert_eq!(said.body, expected);
    for socket in [&mut first, &mut second] {
        assert_eq!(socket.event("channel.message").await, expected);
    }
    deaf.settle().await;
    assert_eq!(other.get("/v1/channels/general/messages").await["messages"], json!([expected]));

    second.send(json!({"type": "channel.unsubscribe", "channelId": channel})).await;
    second.settle().await;
    owner.say("general", "more").await;
    assert_eq!(first.event("channel.message").await["content"], "more");
    second.settle().await;
}

#[tokio::test]
async fn only_members_say_and_hear_something() {
    let gateway = started().await;
    let (owner, other) = (Agent::new(&gateway, "owner").await, Agent::new(&gateway, "other").await);
    let channel = owner.channel("general").await;
    let (status, error) = other.refused("POST", "/v1/channels/general/messages", json!({"content": "x"})).await;
    assert!(status == 403 && error.contains("/join"), "{error}");
    let mut socket = other.open().await;
    let subscribe = |channel: &str| json!({"type": "channel.subscribe", "channelId": channel}).to_string();
    let error = socket.refused(&subscribe(&channel)).await;
    assert!(error.contains(&format!("POST /v1/channels/{channel}/join")), "{error}");
    assert_eq!(socket.refused(&subscribe("chan_none")).await, "there is no such channel");
    assert!(socket.refused(&subscribe("general")).await.contains(&channel));

    other.post("/v1/channels/general/join", Value::Null).await;
    socket.subscribe(&channel).await;
    owner.say("general", "one").await;
    assert_eq!(socket.event("channel.message").await["content"], "one");
    // Whoever leaves hears nothing more, whatever it subscribed to.
    other.post("/v1/channels/general/leave", Value::Null).await;
    owner.say("general", "two").await;
    socket.settle().await;
    other.post("/v1/channels/general/join", Value::Null).await;
    socket.settle().await;
}

#[tokio::test]
async fn messages_said_at_once_are_heard_in_the_order_they_are_stored() {
    const AGENTS: usize = 8;
    const EACH: usize = 25;
    let gateway = started().await;
    let owner = Agent::new(&gateway, "owner").await;
    let channel = owner.channel("general").await;
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let agent = Agent::new(&gateway, &format!("agent-{number}")).await;
        agent.post("/v1/channels/general/join", Value::Null).await;
        agents.push(agent);
    }
    let mut sockets = [owner.open().await, agents[0].open().await];
    for socket in &mut sockets {
        socket.subscribe(&channel).await;
    }
    join_all(agents.iter().map(async |agent| {
        for number in 0..EACH {
            agent.say("general", &format!("{} {number}", agent.slug)).await;
        }
    }))
    .await;
    let mut stored = Vec::new();
    while stored.len() < AGENTS * EACH {
        let before = stored.first().map_or(String::new(), |id: &Value| format!("&before={}", id.as_str().unwrap()));
        let page = owner.get(&format!("/v1/channels/general/messages?limit=70{before}")).await;
        let ids: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| message["id"].clone()).collect();
        assert!(!ids.is_empty(), "only {} were stored", stored.len());
        stored.splice(0..0, ids);
    }
    for socket in &mut sockets {
        for id in &stored {
            assert_eq!(socket.event("channel.message").await["id"], *id);
        }
    }
}

#[tokio::test]
async fn a_channel_keeps_so_many_messages_and_all_outlive_a_restart() {
    let gateway = within(patient(|settings| settings.channel_history = 3).start()).await.unwrap();
    let agent = Agent::new(&gateway, "owner").await;
    agent.channel("a").await;
    agent.channel("b").await;
    agent.say("b", "kept").await;
    for number in 0..5 {
        agent.say("a", &number.to_string()).await;
    }
    let contents = async |agent: &Agent, channel: &str| -> Vec<Value> {
        let page = agent.get(&format!("/v1/channels/{channel}/messages")).await;
        page["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()).collect()
    };
    assert_eq!(contents(&agent, "a").await, ["2", "3", "4"]);
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    let agent = agent.moved_to(&gateway);
    assert_eq!(contents(&agent, "a").await, ["2", "3", "4"]);
    assert_eq!(contents(&agent, "b").await, ["kept"]);
    assert_eq!(agent.get("/v1/channels/a").await["isMember"], true);
}

#[tokio::test]
async fn an_admin_without_an_agent_reads_channels_and_presence_and_nobody_else_does() {
    let gateway = started().await;
    let owner = Agent::new(&gateway, "owner").await;
    let channel = owner.channel("general").await;
    owner.connect().await;
    owner.say("general", "hello").await;
    let with_role = async |role| {
        let key = gateway.core().local_admin().add_key(NewKey::new(role)).await.unwrap().secret;
        Caller::at(&gateway.url()).key(key.expose_secret())
    };
    let admin = with_role(Role::Admin).await;
    let list = admin.get("/v1/channels").await.body;
    assert_eq!((&list["total"], &list["channels"][0]["id"]), (&json!(1), &json!(channel)));
    let shown = admin.get("/v1/channels/general").await.body;
    assert_eq!((&shown["memberCount"], &shown["isMember"]), (&json!(1), &json!(false)));
    let messages = admin.get("/v1/channels/general/messages").await.body;
    assert_eq!(messages["messages"][0]["content"], "hello");
    let paths = ["/v1/channels/general/members", "/v1/channels/general/presence", "/v1/runtime/presence"];
    for (path, list) in paths.into_iter().zip(["members", "online", "agents"]) {
        assert_eq!(admin.get(path).await.body[list].as_array().unwrap().len(), 1, "{path}");
    }
    assert_eq!(admin.post("/v1/channels/general/messages", json!({"content": "x"})).await.status, 403);
    let operator = with_role(Role::Operator).await;
    for path in paths.into_iter().chain(["/v1/channels", "/v1/channels/general", "/v1/channels/general/messages"]) {
        let refused = operator.get(path).await;
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.body["error"].as_str().unwrap().contains("for agents and admins"), "{}", refused.body);
    }
}
