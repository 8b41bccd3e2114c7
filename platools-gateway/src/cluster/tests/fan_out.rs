//! Tests of changes and events at one gateway that reach the clients of the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use platools_protocol::tool_sync::{HealthStatus, ToolHealth};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::installation::{Installation, cluster, until};
use crate::admin::NewKey;
use crate::connections::ConnectionPhase;
use crate::domain::agent_profile::Profile;
use crate::domain::identity::{Caller, Policy, Role};
use crate::domain::origin::RequestOrigin;
use crate::feed::{Event, KeyedStream, Watch, WatchEnd};
use crate::ports::time::now_ms;
use crate::sessions::{AgentSocket, NewChannel, NewMessage, Peer, Sessions, SocketEnd};

const ONE: &[(&str, Policy)] = &[("tools", Policy::Supersede)];

#[tokio::test]
async fn a_change_of_the_directory_at_one_gateway_holds_at_the_others_at_once() {
    let installation = Installation::start(2, ONE).await;
    let worker = installation.worker(1, "tools", "p1", "echo").await;
    let (one, two) = (installation.core(0), installation.core(1));
    let key = one.local_admin().add_key(NewKey::new(Role::Operator)).await.unwrap();
    // Nothing looks into the database from time to time here, so the second gateway knows of changes by messages only.
    until(|| two.directory.snapshot().key(&key.secret, now_ms()).is_some()).await;
    one.local_admin().revoke_key(key.new.id.as_str()).await.unwrap();
    until(|| two.directory.snapshot().key(&key.secret, now_ms()).is_none()).await;
    two.directory.authenticate_caller(&key.secret).await.unwrap_err();
    one.local_admin().rotate_entity("tools", Duration::ZERO).await.unwrap();
    worker.closed().await;
}

impl Installation {
    fn sessions(&self, gateway: usize) -> Arc<Sessions> {
        Arc::clone(&self.core(gateway).sessions)
    }

    /// Adds an agent that every gateway knows.
    async fn agent(&self, slug: &str) -> Peer {
        let id = self.core(0).local_admin().add_agent(slug, Profile::default()).await.unwrap().id;
        for core in self.cores() {
            until(|| core.directory.snapshot().agent(&id).is_some()).await;
        }
        let caller = Caller {
            project_id: self.caller().project_id,
            agent_id: Some(id),
            ..Caller::sample(&format!("key_{slug}"))
        };
        self.sessions(0).peer(caller).unwrap()
    }

    /// The agents with a session, as a gateway knows them.
    fn present(&self, gateway: usize, peer: &Peer) -> Vec<String> {
        let present = self.sessions(gateway).present(&peer.caller, 100, 0).unwrap();
        present.agents.into_iter().map(|agent| agent.names.address).collect()
    }

    async fn say(&self, gateway: usize, peer: &Peer, content: &str) {
        let (content, message_type) = (content.to_owned(), "text".to_owned());
        let message = NewMessage { content, message_type, metadata: None };
        self.sessions(gateway).send_message(peer, "talk", message).await.unwrap();
    }

    /// Adds a channel with an agent at each gateway, whose socket subscribes to it.
    async fn channel(&self) -> Vec<(Peer, AgentSocket)> {
        let mut members = Vec::new();
        for gateway in 0..self.cores().len() {
            let (peer, sessions) = (self.agent(&format!("agent-{gateway}")).await, self.sessions(gateway));
            if gateway == 0 {
                let (slug, name, metadata) = ("talk".to_owned(), "Talk".to_owned(), "{}".to_owned());
                sessions.add_channel(&peer, NewChannel { slug, name, description: None, metadata }).await.unwrap();
            } else {
                sessions.join_channel(&peer, "talk").await.unwrap();
            }
            let channel = sessions.channel(&peer.caller, "talk").await.unwrap().id;
            let socket = sessions.open_socket(peer.clone());
            sessions.subscribe(&socket, channel.as_str()).await.unwrap();
            members.push((peer, socket));
        }
        members
    }
}

async fn next(socket: &AgentSocket) -> Value {
    serde_json::from_slice(&socket.next().await.unwrap()).unwrap()
}

/// The texts of the next messages of channels.
async fn heard(socket: &AgentSocket, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let event = next(socket).await;
        if event["type"] == "channel.message" {
            texts.push(event["data"]["content"].as_str().unwrap().to_owned());
        }
    }
    texts
}

#[tokio::test]
async fn a_session_that_begins_at_one_gateway_and_ends_at_another_is_seen_at_all() {
    let installation = Installation::start(3, &[]).await;
    let (scout, other) = (installation.agent("scout").await, installation.agent("other").await);
    let (own, watching) =
        (installation.sessions(2).open_socket(scout.clone()), installation.sessions(1).open_socket(other));
    let session = installation.sessions(0).begin(&scout, "{}".to_owned()).await.unwrap();
    let joined = next(&watching).await;
    assert_eq!((&joined["type"], &joined["data"]["agentId"]), (&json!("presence.joined"), &json!(scout.id)));
    for gateway in 0..3 {
        until(|| installation.present(gateway, &scout) == ["scout"]).await;
    }
    installation.sessions(1).end(&scout, Some(&session.id)).await.unwrap();
    assert_eq!(own.ended().await, SocketEnd::Disconnected);
    assert_eq!(next(&watching).await["type"], "presence.left");
    for gateway in 0..3 {
        until(|| installation.present(gateway, &scout).is_empty()).await;
    }
}

#[tokio::test]
async fn a_silent_session_is_ended_by_its_gateway_and_by_another_once_that_is_gone() {
    let installation = Installation::start(3, &[]).await;
    let scout = installation.agent("scout").await;
    installation.sessions(0).begin(&scout, "{}".to_owned()).await.unwrap();
    for gateway in 1..3 {
        until(|| installation.present(gateway, &scout) == ["scout"]).await;
    }
    // The timeout of these gateways is none, so every session is silent.
    installation.sessions(1).end_silent();
    assert_eq!(installation.present(1, &scout), ["scout"], "its gateway is there");
    tokio::time::pause();
    installation.kill(0);
    until(|| cluster(&installation.core(1)).members().count() == 2).await;
    tokio::time::resume();
    installation.sessions(1).end_silent();
    for gateway in 1..3 {
        until(|| installation.present(gateway, &scout).is_empty()).await;
    }
}

#[tokio::test]
async fn all_listeners_hear_each_message_once_and_in_one_order_also_after_a_cut() {
    let installation = Installation::start(3, &[]).await;
    let members = installation.channel().await;
    let say = async |round: usize| {
        let mut senders = Vec::new();
        for (gateway, (peer, _)) in members.iter().enumerate() {
            for number in 0..10 {
                let text = format!("{round}.{gateway}.{number}");
                let installation = &installation;
                senders.push(async move { installation.say(gateway, peer, &text).await });
            }
        }
        join_all(senders).await;
    };
    say(0).await;
    installation.network.cut(installation.member(0), installation.member(1));
    say(1).await;
    installation.network.heal();
    // No further message shows that some are missing.
    let mut orders = join_all(members.iter().map(|(_, socket)| heard(socket, 60))).await;
    assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
    orders[0].sort();
    orders[0].dedup();
    assert_eq!(orders[0].len(), 60);
    say(2).await;
    let orders = join_all(members.iter().map(|(_, socket)| heard(socket, 30))).await;
    assert!(orders.iter().all(|order| *order == orders[0] && order.iter().all(|text| text.starts_with("2."))));
}

#[tokio::test]
async fn a_listener_that_leaves_at_another_gateway_hears_no_more() {
    let installation = Installation::start(2, &[]).await;
    let [(sender, _first), (leaving, socket)] = &*installation.channel().await else { unreachable!("there are two") };
    installation.sessions(0).leave_channel(leaving, "talk").await.unwrap();
    installation.say(0, sender, "late").await;
    installation.sessions(0).begin(sender, "{}".to_owned()).await.unwrap();
    assert_eq!(next(socket).await["type"], "presence.joined");
}

#[tokio::test]
async fn an_event_for_an_agent_or_a_channel_reaches_sockets_at_other_gateways() {
    let installation = Installation::start(2, &[]).await;
    let members = installation.channel().await;
    let ((peer, socket), runtime) = (&members[1], installation.sessions(0).handle());
    until(|| runtime.tell(&peer.id, "job.assigned", &json!({"job": 7})).unwrap() == 1).await;
    let event = next(socket).await;
    assert_eq!((&event["type"], &event["data"]), (&json!("job.assigned"), &json!({"job": 7})));
    let channel = installation.sessions(0).channel(&peer.caller, "talk").await.unwrap().id;
    runtime.tell_channel(&channel, "weather", &json!("rain")).unwrap();
    assert_eq!(next(socket).await["type"], "weather");
}

#[tokio::test]
async fn an_agent_has_three_sockets_over_all_gateways() {
    let installation = Installation::start(3, &[]).await;
    let scout = installation.agent("scout").await;
    let first = installation.sessions(0).open_socket(scout.clone());
    let open = async |gateway: usize, count: usize| {
        let runtime = installation.sessions(gateway).handle();
        until(|| runtime.tell(&scout.id, "probe", &json!({})).unwrap() == count).await;
        installation.sessions(gateway).open_socket(scout.clone())
    };
    let (second, third, fourth) = (open(1, 1).await, open(1, 2).await, open(2, 3).await);
    assert_eq!(first.ended().await, SocketEnd::Replaced);
    for socket in [second, third, fourth] {
        assert!(!socket.has_ended());
    }
}

const PRICES: KeyedStream = KeyedStream::new("prices");

/// The next message of a type for a dashboard.
async fn shown(watch: &mut Watch, kind: &str) -> Value {
    loop {
        let message: Value = serde_json::from_slice(&watch.next().await).unwrap();
        if message["type"] == kind {
            return message;
        }
    }
}

#[tokio::test]
async fn a_dashboard_takes_the_place_of_one_at_another_gateway_and_gets_the_messages_of_all() {
    let installation = Installation::start(2, &[]).await;
    let scout = installation.agent("scout").await;
    let (one, two) = (installation.core(0), installation.core(1));
    let older = one.dashboards.watch(&scout.caller, "scout").unwrap();
    until(|| two.feed.is_watched(&scout.id)).await;
    let mut newer = two.dashboards.watch(&scout.caller, "scout").unwrap();
    assert_eq!(*older.end().wait_for(Option::is_some).await.unwrap(), Some(WatchEnd::Displaced));
    drop(older);
    assert_eq!(one.feed.publish(&scout.id, Event::new("moved", &json!({"to": 7}))).unwrap(), 1);
    assert_eq!(shown(&mut newer, "moved").await["data"], json!({"to": 7}));
    one.feed.publish_keyed(&scout.id, PRICES.key("BONK"), &1).unwrap();
    assert_eq!(shown(&mut newer, "prices").await["data"]["updates"], json!([1]));
    two.feed.watch_keys(&scout.id, PRICES, ["SOL"]);
    one.feed.publish_value(PRICES.key("SOL"), &2).unwrap();
    assert_eq!(shown(&mut newer, "prices").await["data"]["updates"], json!([2]));
    drop(newer);
    until(|| !one.feed.is_watched(&scout.id)).await;
}

#[tokio::test]
async fn a_dashboard_shows_the_calls_that_its_agent_makes_at_another_gateway() {
    let installation = Installation::start(2, ONE).await;
    let scout = installation.agent("scout").await;
    let _worker = installation.worker(0, "tools", "p1", "echo").await.run();
    let mut watch = installation.core(1).dashboards.watch(&scout.caller, "scout").unwrap();
    until(|| installation.core(0).feed.is_watched(&scout.id)).await;
    installation.call_as(0, &scout.caller, "echo", 1).await.unwrap();
    assert_eq!(shown(&mut watch, "call_began").await["data"]["tool"], "echo");
    assert_eq!(shown(&mut watch, "call_ended").await["data"]["outcome"], "ok");
}

#[tokio::test]
async fn the_health_of_a_tool_is_the_same_at_all_gateways() {
    let installation = Installation::start(2, ONE).await;
    let worker = installation.worker(1, "tools", "p1", "echo").await;
    let (one, two) = (installation.core(0), installation.core(1));
    let (scope, reports) = (worker.scope(), worker.health_reports());
    let health = ToolHealth::new(HealthStatus::Down, 5, 3, None);
    two.health.report(&reports, &BTreeMap::from([("echo".to_owned(), health)]));
    until(|| one.health.of_tool(&scope, "echo").is_some()).await;
    assert_eq!(one.health.of_tool(&scope, "echo"), two.health.of_tool(&scope, "echo"));
    drop(reports);
    until(|| one.health.of_tool(&scope, "echo").is_none()).await;
}

#[tokio::test]
async fn the_session_of_a_browser_counts_at_every_gateway_and_ends_at_all_of_them() {
    let installation = Installation::start(2, ONE).await;
    let (one, two) = (installation.core(0), installation.core(1));
    let key = one.local_admin().add_key(NewKey::new(Role::Operator)).await.unwrap();
    let caller = one.directory.authenticate_caller(&key.secret).await.unwrap();
    until(|| two.directory.snapshot().key(&key.secret, now_ms()).is_some()).await;
    let (first, second) = (one.browser_sessions.open(&caller), one.browser_sessions.open(&caller));
    let connect = async |secret: &SecretString| {
        let session = two.browser_sessions.find(secret, RequestOrigin::default()).await.unwrap();
        assert_eq!(session.caller.credential, caller.credential);
        let presence = two.callers.arrive(None);
        two.callers.identify(&presence, &session.caller).unwrap();
        two.browser_sessions.attach(&presence, &session).unwrap();
        presence
    };
    let (of_first, of_second) = (connect(&first).await, connect(&second).await);
    two.browser_sessions.end_remote().await;
    // Signed out at the other gateway, and at the one that signed in.
    two.browser_sessions.close(&first).await;
    one.browser_sessions.find(&first, RequestOrigin::default()).await.unwrap_err();
    assert_eq!(*of_first.phase().borrow(), ConnectionPhase::CredentialEnded);
    assert_eq!(*of_second.phase().borrow(), ConnectionPhase::Open);
    one.browser_sessions.close(&second).await;
    two.browser_sessions.end_remote().await;
    assert_eq!(*of_second.phase().borrow(), ConnectionPhase::CredentialEnded);
    two.browser_sessions.find(&second, RequestOrigin::default()).await.unwrap_err();
    let third = one.browser_sessions.open(&caller);
    installation.kill(0);
    two.browser_sessions.find(&third, RequestOrigin::default()).await.unwrap_err();
}
