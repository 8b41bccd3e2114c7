//! Tests of the names of agents with sessions: the title, which others see as `displayName`, and the address.

use platools_gateway::admin::{AgentChange, NewAgent};
use platools_gateway::{Gateway, Role};
use serde_json::{Value, json};

use crate::program_process::Data;
use crate::rpc_caller::RpcCaller;
use crate::runtime_agent::{Agent, started};
use crate::support::{Caller, dev_gateway, within};

const WALLET: &str = "0x52908400098527886E0F7030069857D2E4169EE7";

/// An agent with a title and an address, and an operator's key.
async fn builder_bot(gateway: &Gateway) -> Agent {
    let new =
        NewAgent { title: Some(" BuilderBot ".to_owned()), address: Some(WALLET.to_owned()), ..NewAgent::default() };
    gateway.core().local_admin().add_agent("builder", new).await.unwrap();
    Agent::with_role(gateway, "builder", Role::Operator).await
}

async fn rename(gateway: &Gateway, title: &str, address: &str) {
    let change =
        AgentChange { title: Some(title.to_owned()), address: Some(address.to_owned()), ..AgentChange::default() };
    gateway.core().local_admin().change_agent("builder", change).await.unwrap();
}

/// The names of an agent in a list or an event, under the members that it has there.
fn names<'a>(shown: &'a Value, address: &str, title: &str) -> (&'a Value, &'a Value) {
    (&shown[address], &shown[title])
}

fn both(address: &str, title: &str) -> (Value, Value) {
    (json!(address), json!(title))
}

fn is(shown: (&Value, &Value), expected: &(Value, Value)) {
    assert_eq!(shown, (&expected.0, &expected.1));
}

#[tokio::test]
async fn an_agents_title_is_its_display_name_and_its_address_is_shown_wherever_it_appears() {
    let gateway = started().await;
    let (other, bot) = (Agent::new(&gateway, "other").await, builder_bot(&gateway).await);
    let expected = both(WALLET, "BuilderBot");
    let mut watching = other.join().await;
    let connected = bot.http.post("/v1/runtime/connect", json!({})).await.body;
    assert_eq!(connected["address"], WALLET);
    assert!(connected["agentId"].as_str().unwrap().starts_with("agent_"), "{connected}");
    is(names(&watching.event("presence.joined").await, "address", "displayName"), &expected);
    is(names(&bot.get("/v1/runtime/status").await, "address", "displayName"), &expected);
    is(names(&other.get("/v1/runtime/presence").await["agents"][1], "address", "displayName"), &expected);

    let channel = bot.channel("general").await;
    other.post("/v1/channels/general/join", Value::Null).await;
    watching.subscribe(&channel).await;
    is(names(&bot.say("general", "hello").await, "from", "fromName"), &expected);
    is(names(&watching.event("channel.message").await, "from", "fromName"), &expected);
    is(names(&other.get("/v1/channels/general/messages").await["messages"][0], "from", "fromName"), &expected);
    is(names(&other.get("/v1/channels/general/members").await["members"][0], "agentAddress", "displayName"), &expected);
    is(names(&other.get("/v1/channels/general/presence").await["online"][0], "agentAddress", "displayName"), &expected);

    // An agent without names of its own is shown by its slug.
    let plain = other.get("/v1/runtime/status").await;
    assert_eq!(names(&plain, "address", "displayName"), (&json!("other"), &Value::Null));
    bot.post("/v1/runtime/disconnect", Value::Null).await;
    is(names(&watching.event("presence.left").await, "address", "displayName"), &expected);
}

#[tokio::test]
async fn a_new_title_or_address_shows_at_once_while_sessions_are_open() {
    let gateway = started().await;
    let (other, bot) = (Agent::new(&gateway, "other").await, builder_bot(&gateway).await);
    let mut watching = other.join().await;
    let _socket = bot.join().await;
    watching.event("presence.joined").await;
    bot.channel("general").await;
    bot.say("general", "before").await;
    rename(&gateway, "Builder 2", "builder.eth").await;
    let expected = both("builder.eth", "Builder 2");
    is(names(&bot.get("/v1/runtime/status").await, "address", "displayName"), &expected);
    is(names(&other.get("/v1/runtime/presence").await["agents"][1], "address", "displayName"), &expected);
    is(names(&other.get("/v1/channels/general/members").await["members"][0], "agentAddress", "displayName"), &expected);
    is(names(&bot.say("general", "after").await, "from", "fromName"), &expected);
    // A message keeps the names of its time.
    let history = other.get("/v1/channels/general/messages").await;
    is(names(&history["messages"][0], "from", "fromName"), &both(WALLET, "BuilderBot"));
    is(names(&history["messages"][1], "from", "fromName"), &expected);

    rename(&gateway, "", "").await;
    bot.post("/v1/runtime/disconnect", Value::Null).await;
    let left = watching.event("presence.left").await;
    assert_eq!(names(&left, "address", "displayName"), (&json!("builder"), &Value::Null));
}

#[tokio::test]
async fn an_agent_that_is_removed_leaves_under_its_names() {
    let gateway = started().await;
    let (other, bot) = (Agent::new(&gateway, "other").await, builder_bot(&gateway).await);
    let mut watching = other.join().await;
    bot.connect().await;
    watching.event("presence.joined").await;
    gateway.core().local_admin().remove_agent("builder").await.unwrap();
    is(names(&watching.event("presence.left").await, "address", "displayName"), &both(WALLET, "BuilderBot"));
}

#[tokio::test]
async fn names_of_agents_with_sessions_outlive_a_restart() {
    let gateway = started().await;
    let (other, bot) = (Agent::new(&gateway, "other").await, builder_bot(&gateway).await);
    bot.connect().await;
    let gateway = within(within(gateway.stop()).await.start()).await.unwrap();
    let shown = other.moved_to(&gateway).get("/v1/runtime/presence").await;
    is(names(&shown["agents"][0], "address", "displayName"), &both(WALLET, "BuilderBot"));
}

#[tokio::test]
async fn title_and_address_are_set_changed_and_taken_back_over_rest() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    let added = admin.post("/v1/agents", json!({"slug": "scout", "title": "Scout", "address": WALLET})).await;
    assert_eq!((added.status, &added.body["title"], &added.body["address"]), (201, &json!("Scout"), &json!(WALLET)));
    let listed = admin.get("/v1/agents").await.body;
    assert!(listed["items"].as_array().unwrap().contains(&added.body), "{listed}");
    let change = async |body: Value| admin.send("PATCH", "/v1/agents/scout", body.to_string()).await;
    let changed = change(json!({"title": "Scout 2"})).await;
    assert_eq!((&changed.body["title"], &changed.body["address"]), (&json!("Scout 2"), &json!(WALLET)));
    let changed = change(json!({"address": null})).await;
    assert_eq!((&changed.body["title"], &changed.body["address"]), (&json!("Scout 2"), &Value::Null));
    let changed = change(json!({"title": ""})).await;
    assert_eq!(changed.body["title"], Value::Null);
    let nothing = change(json!({})).await;
    nothing.is_problem(400, "invalid_request", false);
    assert!(nothing.detail().contains("the `title`, or the `address`"), "{nothing:?}");
    for (body, part) in [
        (json!({"slug": "x", "title": "a\nb"}), "a title has 1 to 128 characters"),
        (json!({"slug": "x", "title": "x".repeat(129)}), "a title has 1 to 128 characters"),
        (json!({"slug": "x", "address": "0x 1"}), "an address has 1 to 128 letters"),
        (json!({"slug": "x", "address": ""}), "an address has 1 to 128 letters"),
        (json!({"slug": "x", "address": format!("agent_{}", "0".repeat(32))}), "not like an id"),
    ] {
        let refused = admin.post("/v1/agents", body).await;
        refused.is_problem(400, "invalid_request", false);
        assert!(refused.detail().contains(part), "{refused:?}");
    }
}

#[tokio::test]
async fn no_two_agents_of_a_project_have_one_address() {
    let gateway = dev_gateway().await;
    let admin = Caller::admin(&gateway);
    assert_eq!(admin.post("/v1/agents", json!({"slug": "scout", "address": WALLET})).await.status, 201);
    for (body, part) in [
        (json!({"slug": "x", "address": WALLET.to_lowercase()}), "the agent `scout` has the address"),
        (json!({"slug": "x", "address": "main"}), "the agent `main` has the address"),
        (json!({"slug": WALLET}), "is the address of the agent `scout`"),
    ] {
        let refused = admin.post("/v1/agents", body).await;
        refused.is_problem(409, "already_exists", false);
        assert!(refused.detail().contains(part), "{refused:?}");
    }
    let refused = admin.send("PATCH", "/v1/agents/main", json!({"address": WALLET}).to_string()).await;
    refused.is_problem(409, "already_exists", false);
    // Another project is another world.
    let projects = gateway.core().local_projects();
    projects.add(&"acme/shop".parse().unwrap()).await.unwrap();
    let new = NewAgent { address: Some(WALLET.to_owned()), ..NewAgent::default() };
    projects.admin(&"acme/shop".parse().unwrap()).unwrap().add_agent("scout", new).await.unwrap();
}

#[tokio::test]
async fn title_and_address_are_set_and_listed_over_rpc() {
    let gateway = dev_gateway().await;
    let mut admin = RpcCaller::admin(&gateway).await;
    let added = admin.ok("agents.create", json!({"slug": "scout", "title": "Scout", "address": WALLET})).await;
    assert_eq!((&added["title"], &added["address"]), (&json!("Scout"), &json!(WALLET)));
    assert_eq!(admin.code("agents.create", json!({"slug": "two", "address": WALLET})).await, "ALREADY_EXISTS");
    let changed = admin.ok("agents.update", json!({"agentId": "scout", "title": "Scout 2", "address": null})).await;
    assert_eq!((&changed["title"], &changed["address"]), (&json!("Scout 2"), &Value::Null));
    let error = admin.error("agents.update", json!({"agentId": "scout"})).await;
    assert!(error["message"].as_str().unwrap().contains("the `title`, or the `address`"), "{error}");
    let mut operator = RpcCaller::operator(&gateway, "u").await;
    let listed = operator.ok("agents.list", json!({})).await;
    let scout = listed["items"].as_array().unwrap().iter().find(|agent| agent["slug"] == "scout").unwrap();
    assert_eq!((&scout["title"], &scout["address"]), (&json!("Scout 2"), &Value::Null));
}

#[tokio::test]
async fn the_command_line_sets_and_takes_back_title_and_address() {
    let (data, _program) = Data::served().await;
    let listed = async || -> (Value, Value) {
        let listed: Value = serde_json::from_str(&data.printed("agent list --json").await).unwrap();
        let scout = listed.as_array().unwrap().iter().find(|agent| agent["slug"] == "scout").unwrap();
        (scout["title"].clone(), scout["address"].clone())
    };
    data.printed(&format!("agent add scout --title Scout --address {WALLET}")).await;
    assert_eq!(listed().await, (json!("Scout"), json!(WALLET)));
    data.printed("agent change scout --title Other").await;
    assert_eq!(listed().await, (json!("Other"), json!(WALLET)));
    data.printed("agent change scout --title= --address=").await;
    assert_eq!(listed().await, (Value::Null, Value::Null));
}
