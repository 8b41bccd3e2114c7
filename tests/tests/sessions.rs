//! Tests of the client for agents on this project's gateway: presence, channels, and the state that outlives a session.

use futures::StreamExt;
use futures::stream::BoxStream;
use platools::connection::{ConnectionState, OnRefusal};
use platools_client::{RuntimeClient, RuntimeEvent};
use platools_gateway::admin::NewKey;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::{Gateway, Role};
use platools_protocol::runtime::{Channel, ChannelMessage, Done, NewChannel, NewMessage, Ticket, event, path};
use platools_tests::{quick, runtime_client, within};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

/// An agent of the gateway's, which is not connected yet.
async fn agent(gateway: &Gateway, slug: &str) -> RuntimeClient {
    let admin = gateway.core().local_admin();
    admin.add_agent(slug, Profile::default()).await.expect("a new agent");
    let mut key = NewKey::new(Role::Operator);
    key.credential.agent = Some(slug.to_owned());
    let key = admin.add_key(key).await.expect("a new key").secret;
    let reconnect = quick().on_refusal(OnRefusal::Fail);
    let builder = runtime_client(&gateway.url()).secret(key.expose_secret()).reconnect(reconnect);
    builder.build().expect("a valid client")
}

async fn connected(gateway: &Gateway, slug: &str) -> (RuntimeClient, BoxStream<'static, RuntimeEvent>) {
    let client = agent(gateway, slug).await;
    let session = within(client.connect()).await.expect("it connects");
    assert_eq!(session.address, slug);
    let mut events = client.events();
    settled(&client, &mut events).await;
    (client, events)
}

/// Waits until the gateway has treated every frame so far. It sends frames of other types than its own back.
async fn settled(client: &RuntimeClient, events: &mut BoxStream<'static, RuntimeEvent>) {
    client.send(json!({"type": "settled"})).await.expect("there is a socket");
    next(events, "settled").await;
}

/// The next event of that type.
async fn next(events: &mut BoxStream<'static, RuntimeEvent>, kind: &str) -> RuntimeEvent {
    loop {
        let event = within(events.next()).await.expect("the client lives");
        if event.kind() == kind {
            return event;
        }
    }
}

async fn heard(events: &mut BoxStream<'static, RuntimeEvent>) -> (String, String) {
    let message: ChannelMessage = next(events, event::CHANNEL_MESSAGE).await.decode().expect("a message");
    (message.from, message.content)
}

async fn say(client: &RuntimeClient, channel: &Channel, words: &str) {
    let path = path::messages(&channel.id);
    let said: ChannelMessage = within(client.request("POST", &path, NewMessage::new(words))).await.expect("it is said");
    assert_eq!(said.content, words);
}

#[tokio::test]
async fn agents_see_each_other_and_what_one_says_all_others_hear() {
    let gateway = within(Gateway::builder().start()).await.expect("a gateway");
    let (scout, mut scout_hears) = connected(&gateway, "scout").await;
    let channel: Channel =
        within(scout.request("POST", path::CHANNELS, NewChannel::new("general", "General"))).await.expect("a channel");
    scout.subscribe_channel(&channel.id).await;
    settled(&scout, &mut scout_hears).await;
    let mut others = Vec::new();
    for slug in ["one", "two", "three"] {
        let (other, mut events) = connected(&gateway, slug).await;
        let joined = next(&mut scout_hears, event::PRESENCE_JOINED).await;
        assert_eq!(joined.decode::<Value>().expect("JSON")["address"], slug);
        let done: Done = within(other.request("POST", &path::join(&channel.id), ())).await.expect("it joins");
        assert!(done.success);
        other.subscribe_channel(&channel.id).await;
        settled(&other, &mut events).await;
        others.push((other, events));
    }
    let presence = within(scout.presence(2, 1)).await.expect("a page");
    let addresses: Vec<_> = presence.agents.iter().map(|agent| &*agent.address).collect();
    assert_eq!((addresses, presence.total), (vec!["one", "two"], 4));
    let session = within(scout.status()).await.expect("a status").session.expect("a session");
    assert_eq!(Some(session.session_id), scout.session().map(|session| session.session_id));

    say(&scout, &channel, "Hello, all!").await;
    for events in others.iter_mut().map(|(_, events)| events).chain([&mut scout_hears]) {
        assert_eq!(heard(events).await, ("scout".to_owned(), "Hello, all!".to_owned()));
    }
    let (one, _) = &others[0];
    within(one.disconnect()).await;
    let left = next(&mut scout_hears, event::PRESENCE_LEFT).await;
    assert_eq!(left.decode::<Value>().expect("JSON")["address"], "one");
}

#[tokio::test]
async fn a_restarted_gateway_has_its_agents_and_their_channels_again() {
    let gateway = within(Gateway::builder().start()).await.expect("a gateway");
    let (client, mut events) = connected(&gateway, "scout").await;
    let channel: Channel =
        within(client.request("POST", path::CHANNELS, NewChannel::new("general", "General"))).await.expect("a channel");
    let before = client.session().expect("a session");
    let stopped = within(gateway.stop()).await;
    let mut states = client.watch_state();
    within(states.wait_for(|state| !state.is_connected())).await.expect("the client lives");
    let gateway = within(stopped.start()).await.expect("the port is free again");
    within(states.wait_for(ConnectionState::is_connected)).await.expect("the client lives");
    assert_ne!(client.session().expect("a session").session_id, before.session_id);
    settled(&client, &mut events).await;
    // Nobody has subscribed to it: it is the agent's own.
    say(&client, &channel, "Still here?").await;
    assert_eq!(heard(&mut events).await, ("scout".to_owned(), "Still here?".to_owned()));
    drop(gateway);
}

#[tokio::test]
async fn a_ticket_is_good_for_one_socket() {
    let gateway = within(Gateway::builder().start()).await.expect("a gateway");
    let client = agent(&gateway, "scout").await;
    let ticket: Ticket = within(client.request("POST", path::TICKET, ())).await.expect("a ticket");
    let url = format!("{}{}", gateway.url().replace("http", "ws"), path::socket(&ticket.ticket));
    within(tokio_tungstenite::connect_async(&url)).await.expect("it is new");
    let error = within(tokio_tungstenite::connect_async(&url)).await.expect_err("it is used");
    assert!(matches!(&error, Error::Http(answer) if answer.status() == 401), "{error}");
}

#[tokio::test]
async fn a_key_that_has_ended_ends_the_client_with_the_reason() {
    let gateway = within(Gateway::builder().start()).await.expect("a gateway");
    let (client, mut events) = connected(&gateway, "scout").await;
    let admin = gateway.core().local_admin();
    admin.remove_agent("scout").await.expect("it is there");
    let failed = async {
        loop {
            let state: Value = next(&mut events, event::CONNECTION_STATE).await.decode().expect("JSON");
            if state["state"] == "failed" {
                return state["reason"].as_str().expect("words").to_owned();
            }
        }
    };
    let reason = within(failed).await;
    assert!(reason.starts_with("the gateway refused the secret: the gateway answered with 401"), "{reason}");
    assert_eq!(client.state(), ConnectionState::Disconnected);
}
