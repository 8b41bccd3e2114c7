//! Tests of the Rust snippets in `docs/runtime.md`, each as it is printed there.

use std::process::Stdio;
use std::time::Duration;

use platools::connection::ConnectionState;
use platools_client::RuntimeClient;
use platools_gateway::admin::NewKey;
use platools_gateway::domain::agent_profile::Profile;
use platools_gateway::{Gateway, Role};
use platools_protocol::runtime::ConnectionChange;
use platools_tests::{KEY, Reply, RuntimeGateway, within};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::mpsc;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A gateway with an agent, and the agent's key.
async fn gateway_with(agent: &str) -> (Gateway, String) {
    let gateway = within(Gateway::builder().start()).await.expect("a gateway");
    let admin = gateway.core().local_admin();
    admin.add_agent(agent, Profile::default()).await.expect("a new agent");
    let mut key = NewKey::new(Role::Operator);
    key.credential.agent = Some(agent.to_owned());
    let key = admin.add_key(key).await.expect("a new key").secret.expose_secret().to_owned();
    (gateway, key)
}

fn client_of(gateway: &RuntimeGateway) -> RuntimeClient {
    RuntimeClient::builder().url(gateway.url()).secret(KEY).build().expect("a valid client")
}

#[tokio::test]
async fn connect_returns_the_session_and_disconnect_ends_it() -> Outcome {
    let (gateway, api_key) = gateway_with("scout").await;
    let url = gateway.url();

    let runtime = RuntimeClient::builder().url(url).secret(api_key).build()?;
    let result = runtime.connect().await?;
    println!("{} {} {} {}", result.session_id, result.agent_id, result.address, result.connected_at);

    assert!(result.session_id.starts_with("sess_") && !result.agent_id.is_empty(), "{result:?}");
    assert_eq!((result.address.as_str(), result.connected_at.ends_with('Z')), ("scout", true));
    assert_eq!(runtime.status().await?.status, "active");

    runtime.disconnect().await;

    assert_eq!(runtime.status().await?.status, "inactive");
    Ok(())
}

#[tokio::test]
async fn state_listeners_hear_each_change_until_they_are_removed() -> Outcome {
    let mut gateway = RuntimeGateway::start().await;
    let runtime = client_of(&gateway);
    let (sender, mut heard) = mpsc::unbounded_channel();

    let state = runtime.state();
    println!("{state}");

    assert_eq!(state, ConnectionState::Disconnected);

    let agent = "scout".to_owned();
    let listener = runtime.on_state_change(move |state| {
        println!("{agent}: connection state: {state}");
        if state == ConnectionState::Disconnected {
            sender.send(state).ok();
        }
    });

    within(runtime.connect()).await?;
    let link = gateway.socket().await;
    let ((), _) = tokio::join!(runtime.disconnect(), link.closed());
    assert_eq!(within(heard.recv()).await, Some(ConnectionState::Disconnected));

    runtime.off_state_change(listener);

    assert_eq!(within(heard.recv()).await, None, "the listener is dropped");
    Ok(())
}

#[tokio::test]
async fn configuration_is_one_method_for_each_setting() -> Outcome {
    let (url, api_key, private_key) = ("http://127.0.0.1:1", KEY, "0x4c08");

    let runtime = RuntimeClient::builder()
        .url(url)
        .secret(api_key)
        .private_key(private_key)
        .heartbeat_interval(Duration::from_secs(15))
        .max_retries(5)
        .initial_delay(Duration::from_secs(2))
        .max_delay(Duration::from_secs(60))
        .build()?;

    assert_eq!(runtime.private_key().map(|key| key.expose_secret()), Some(private_key));
    Ok(())
}

#[tokio::test]
async fn failed_reconnection_is_an_event_with_the_reason() -> Outcome {
    let mut gateway = RuntimeGateway::start().await;
    let runtime = RuntimeClient::builder().url(gateway.url()).secret(KEY).max_retries(0).build()?;
    let (sender, mut failures) = mpsc::unbounded_channel();

    runtime.on("connection.state", move |event| {
        let change: ConnectionChange = event.decode()?;
        if change.state == "failed" {
            sender.send(change.reason).ok();
        }
        Ok::<_, serde_json::Error>(())
    });

    within(runtime.connect()).await?;
    drop(gateway.socket().await);
    assert_eq!(within(failures.recv()).await, Some(Some("max retries exceeded".to_owned())));
    Ok(())
}

#[tokio::test]
async fn presence_and_status_are_those_of_the_gateway() -> Outcome {
    let (gateway, api_key) = gateway_with("scout").await;
    let runtime = RuntimeClient::builder().url(gateway.url()).secret(api_key).build()?;
    within(runtime.connect()).await?;

    let presence = runtime.presence(50, 0).await?;
    for agent in &presence.agents {
        println!(
            "{} {} {:?} {} {}",
            agent.agent_id, agent.address, agent.display_name, agent.connected_at, agent.last_heartbeat
        );
    }
    let status = runtime.status().await?;
    println!("{} {:?}", status.status, status.session);

    let addresses: Vec<_> = presence.agents.iter().map(|agent| &*agent.address).collect();
    assert_eq!((addresses, presence.total), (vec!["scout"], 1));
    let session = status.session.expect("a session");
    assert_eq!((status.status.as_str(), session.last_heartbeat.is_empty()), ("active", false));
    assert_eq!(runtime.session().map(|known| known.session_id), Some(session.session_id));
    Ok(())
}

#[tokio::test]
async fn requests_have_any_method_path_and_body_and_a_type_of_their_own() -> Outcome {
    let mut gateway = RuntimeGateway::start().await;
    let runtime = client_of(&gateway);
    gateway.once("GET /v1/custom/endpoint", Reply::new(200, &json!({"data": "x"})));
    gateway.once("POST /v1/custom/endpoint", Reply::new(200, &json!([])));

    #[derive(Deserialize)]
    struct MyResponse {
        data: String,
    }
    let response: MyResponse = runtime.request("GET", "/v1/custom/endpoint", ()).await?;
    let other: Value = runtime.request("POST", "/v1/custom/endpoint", json!({ "key": "value" })).await?;

    assert_eq!((response.data.as_str(), other), ("x", json!([])));
    assert_eq!(gateway.asked("GET").await.body, Value::Null);
    let asked = gateway.asked("POST").await;
    assert_eq!(asked.body, json!({"key": "value"}));
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    Ok(())
}

#[tokio::test]
async fn raw_messages_travel_over_the_socket() -> Outcome {
    let mut gateway = RuntimeGateway::start().await;
    let runtime = client_of(&gateway);
    within(runtime.connect()).await?;

    runtime.send(json!({ "type": "custom.event", "data": { "foo": "bar" } })).await?;

    let frame = gateway.socket().await.next().await;
    assert_eq!(frame, json!({"type": "custom.event", "data": {"foo": "bar"}}));
    Ok(())
}

#[tokio::test]
async fn errors_have_a_message_and_the_status() -> Outcome {
    let gateway = RuntimeGateway::start().await;
    let runtime = client_of(&gateway);
    gateway.once("POST /v1/runtime/connect", Reply::new(401, &json!({"error": "no such key"})));
    let mut messages = Vec::new();

    if let Err(error) = runtime.connect().await {
        eprintln!("failed to connect: {error}");
        messages.push(error.to_string());
    }
    if let Err(error) = runtime.request::<Value>("GET", "/v1/some/endpoint", ()).await {
        eprintln!("request failed with {:?}: {error}", error.status());
        messages.push(error.to_string());
    }

    assert_eq!(messages[0], "the gateway answered with 401: no such key");
    assert!(messages[1].starts_with("the gateway answered with 404"), "{messages:?}");
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_process_ends_its_session() -> Outcome {
    let mut gateway = RuntimeGateway::start().await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_interrupted"))
        .envs([("AGENT_URL", gateway.url().as_str()), ("AGENT_KEY", KEY)])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut link = gateway.socket().await;
    link.expect("ready").await;
    let id = program.id().expect("it runs").to_string();
    assert!(within(Command::new("kill").args(["-INT", &id]).status()).await?.success());
    assert_eq!(link.closed().await, (1000, "client stop".to_owned()));
    let session = gateway.asked("POST /v1/runtime/disconnect").await.body;
    assert!(session["sessionId"].is_string(), "{session}");
    assert!(within(program.wait()).await?.success(), "it ends by itself");
    Ok(())
}

#[test]
fn each_snippet_of_the_rust_client_in_the_docs_is_one_that_runs() {
    /// The text without its layout, which differs with the indentation.
    fn bare(code: &str) -> String {
        let bare: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        bare.replace(",)", ")").replace(",}", "}")
    }
    // The gateway's own snippets are in the docs of its crate, which compile there.
    let docs =
        include_str!("../../docs/runtime.md").split_once("\n## Rust client\n").expect("a chapter of the client").1;
    let run = [include_str!("session_snippets.rs"), include_str!("../src/bin/interrupted.rs")].map(bare);
    let snippets: Vec<_> = docs.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(snippets.len() >= 9, "{}", snippets.len());
    for snippet in snippets {
        assert!(run.iter().any(|source| source.contains(&bare(snippet))), "this snippet is not run:\n{snippet}");
    }
}
