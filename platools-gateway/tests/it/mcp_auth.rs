//! Tests of credentials and limits at `/mcp`.

use platools_gateway::admin::NewKey;
use platools_gateway::limits::Limits;
use platools_gateway::{Gateway, HttpSettings, McpSettings, Role, dev};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::mcp_raw_client::{Client, admin, initialize, worker};
use crate::program_process::Program;
use crate::support::{Caller, dev_gateway, gateway_with, within};

fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn body(response: reqwest::Response) -> Value {
    within(response.json()).await.unwrap()
}

#[tokio::test]
async fn a_request_without_a_key_is_challenged_and_no_sign_in_is_begun_that_cannot_work() {
    let gateway = dev_gateway().await;
    gateway.add_entity("orders").await.unwrap();
    for path in ["/mcp", "/mcp/entities/orders", "/mcp/entities/nobody"] {
        let stranger = Client::at(&gateway.url(), path);
        for (client, challenge) in
            [(stranger.clone(), "Bearer"), (stranger.clone().key("wrong"), "Bearer error=\"invalid_token\"")]
        {
            let refused = client.post(&initialize()).await;
            assert_eq!((refused.status().as_u16(), header(&refused, "www-authenticate")), (401, challenge));
            assert!(body(refused).await["error"]["message"].is_string());
        }
        let metadata = Caller::at(&gateway.url()).get(&format!("/.well-known/oauth-protected-resource{path}")).await;
        assert_eq!(metadata.status, 404, "{metadata:?}");
    }
    for method in ["GET", "DELETE", "PUT"] {
        assert_eq!(Client::at(&gateway.url(), "/mcp").send(method).await.status(), 401, "{method}");
    }
}

#[tokio::test]
async fn without_auth_still_takes_a_key_here() {
    let gateway =
        within(dev::start(dev::DevOptions { no_auth: true, ..dev::DevOptions::with_known_secrets() })).await.unwrap();
    assert_eq!(Client::at(&gateway.url(), "/mcp").post(&initialize()).await.status(), 401);
    assert_eq!(admin(&gateway).await.names().await, [""; 0]);
}

#[tokio::test]
async fn a_session_is_nobody_elses() {
    let gateway = dev_gateway().await;
    let _worker = worker(&gateway, &["echo"]).await;
    gateway.add_entity("orders").await.unwrap();
    let owner = admin(&gateway).await;
    let key = gateway.add_key(Role::Admin).await.unwrap();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let thief = owner.clone().key(key.expose_secret());
    assert_eq!(thief.post(&list).await.status(), 404);
    assert_eq!(thief.send("GET").await.status(), 404);
    assert_eq!(thief.clone().with("last-event-id", "0").send("GET").await.status(), 404);
    thief.send("DELETE").await;
    let elsewhere = Client::at(&gateway.url(), "/mcp/entities/orders").key(dev::ADMIN_KEY);
    let elsewhere = elsewhere.with("mcp-session-id", owner.session());
    assert_eq!(elsewhere.post(&list).await.status(), 404, "it is about other tools");
    assert_eq!(owner.clone().without("authorization").post(&list).await.status(), 401);
    assert_eq!(owner.names().await, ["echo"], "it is as it was");
    assert_eq!(owner.send("DELETE").await.status(), 204);
    assert_eq!(owner.post(&list).await.status(), 404);
}

#[tokio::test]
async fn a_revoked_key_ends_its_sessions_and_their_calls() {
    let gateway = dev_gateway().await;
    let mut worker = worker(&gateway, &["slow"]).await;
    let added = gateway.core().local_admin().add_key(NewKey::new(Role::Operator)).await.unwrap();
    let client = Client::at(&gateway.url(), "/mcp").key(added.secret.expose_secret()).opened().await;
    let mut listening = client.listening(None).await;
    let call = client.asking(1, "tools/call", json!({"name": "slow"}));
    let frame = worker.expect("tool_call").await;
    gateway.core().local_admin().revoke_key(added.new.id.as_str()).await.unwrap();
    assert_eq!(worker.expect("tool_cancel").await["call_id"], frame["call_id"]);
    let mut call = within(call).await.unwrap();
    assert_eq!((listening.next().await, call.next().await), (None, None));
    assert_eq!(client.post(&initialize()).await.status(), 401);
}

#[tokio::test]
async fn other_hosts_and_other_pages_are_refused() {
    let mut settings = HttpSettings::default();
    settings.names = vec!["gateway.example.com".to_owned(), "other.example.com:8443".to_owned()];
    settings.allowed_origins = vec!["https://app.example.com".to_owned()];
    let (gateway, _, _) = gateway_with(Gateway::builder().http(settings)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret());
    for (name, value, status) in [
        ("host", "localhost:3100", 200),
        ("host", "127.0.0.1", 200),
        ("host", "[::1]:9", 200),
        ("host", "gateway.example.com", 200),
        ("host", "other.example.com:8443", 200),
        ("host", "other.example.com", 403),
        ("host", "attacker.example.com", 403),
        ("host", "localhost.example.com", 403),
        ("origin", "http://localhost:6274", 200),
        ("origin", "https://app.example.com", 200),
        ("origin", "https://app.example.com:8443", 403),
        ("origin", "http://app.example.com", 403),
        ("origin", "https://attacker.example.com", 403),
        ("origin", "http://127.0.0.1.example.com", 403),
        ("origin", "null", 403),
    ] {
        let answer = client.clone().with(name, value).post(&initialize()).await;
        assert_eq!(answer.status(), status, "{name}: {value}");
    }
}

#[tokio::test]
async fn garbage_is_refused_in_order_and_leaves_the_session_as_it_is() {
    let gateway = dev_gateway().await;
    let client = admin(&gateway).await;
    let deep = "[".repeat(100_000);
    for (text, code) in [
        ("", -32700),
        ("{", -32700),
        ("nonsense", -32700),
        ("[]", -32600),
        ("5", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#, -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (&deep, -32600),
    ] {
        let refused = client.post_text(text.to_owned()).await;
        assert_eq!(refused.status(), 400, "{}", &text[..text.len().min(80)]);
        let said = body(refused).await;
        assert!(said["error"]["code"] == code || said["error"]["code"] == -32700, "{said}");
    }
    assert_eq!(client.post_text(vec![0xff, 0xfe]).await.status(), 400);
    assert_eq!(client.clone().with("accept", "text/html").post(&initialize()).await.status(), 406);
    assert_eq!(client.clone().with("content-type", "text/plain").post(&initialize()).await.status(), 415);
    assert_eq!(client.clone().with("mcp-protocol-version", "1999-01-01").post(&initialize()).await.status(), 400);
    assert_eq!(client.send("PUT").await.status(), 405);
    assert_eq!(client.names().await, [""; 0]);
}

#[tokio::test]
async fn too_much_is_refused_as_elsewhere() {
    let mut limits = Limits::default();
    limits.key.body_bytes = 1000.try_into().unwrap();
    limits.key.calls_per_second = 1.try_into().unwrap();
    let (gateway, _, _) = gateway_with(Gateway::builder().limits(limits)).await;
    let key = gateway.add_key(Role::Operator).await.unwrap();
    let client = Client::at(&gateway.url(), "/mcp").key(key.expose_secret()).opened().await;
    assert_eq!(client.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "x".repeat(2000)})).await.status(), 413);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "nothing"}});
    let refused = loop {
        let answer = client.post(&call).await;
        if answer.status() != 200 {
            break answer;
        }
    };
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (429, "1"));
    assert!(body(refused).await["error"]["message"].as_str().unwrap().contains("too many calls"));
}

#[tokio::test]
async fn there_are_so_many_sessions_and_idle_ones_make_room() {
    let mut settings = McpSettings::default();
    (settings.max_sessions, settings.max_sessions_per_caller) = (3, 2);
    let (gateway, _, _) = gateway_with(Gateway::builder().mcp(settings)).await;
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.push(gateway.add_key(Role::Operator).await.unwrap().expose_secret().to_owned());
    }
    let client = |key: &str| Client::at(&gateway.url(), "/mcp").key(key);
    let first = client(&keys[0]).opened().await;
    let second = client(&keys[0]).opened().await;
    let third = client(&keys[0]).opened().await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert_eq!(first.post(&list).await.status(), 404, "the one that was idle for the longest is gone");
    let (_second, _third) = (second.listening(None).await, third.listening(None).await);
    let refused = client(&keys[0]).post(&initialize()).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (429, "10"));
    let other = client(&keys[1]).opened().await;
    let _other = other.listening(None).await;
    assert_eq!(client(&keys[1]).post(&initialize()).await.status(), 429, "there are three");
}

#[tokio::test]
async fn a_log_of_everything_has_no_secrets_and_no_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let (program, log) = Program::logging_everything(folder.path()).await;
    let mut worker = program.dial(dev::SECRET).welcomed().await;
    worker.register(&["echo"]).await;
    let client = Client::at(&program.url, "/mcp").key(dev::ADMIN_KEY).opened().await;
    let call = client.calling("echo", json!({"pin": "h1dden"}));
    let frame = worker.expect("tool_call").await;
    worker.answer(&frame, json!("h1dden")).await;
    assert_eq!(within(call).await.unwrap()["result"]["isError"], false);
    client.call("h1dden", json!({"pin": "h1dden"})).await;
    client.post_text("h1dden").await;
    client.send("DELETE").await;
    program.signal("-TERM").await;
    assert_eq!(program.exit_code().await, Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("DEBUG"), "{logged}");
    for hidden in [dev::SECRET, dev::ADMIN_KEY, "h1dden", client.session()] {
        assert!(!logged.contains(hidden), "{hidden}:\n{logged}");
    }
}
